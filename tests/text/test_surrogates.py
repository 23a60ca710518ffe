from lmkit.text.surrogates import well_formed


def test_text_that_has_a_utf8_form_stays_as_it_is() -> None:
    assert well_formed("\U0001f600 é \0 \ufffd") == "\U0001f600 é \0 \ufffd"


def test_a_lost_half_of_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert well_formed("\udc00a\ud800") == "\ufffda\ufffd"


def test_two_halves_that_belong_together_become_their_character() -> None:
    assert well_formed("\ud83d\ude00\ud83d") == "\U0001f600\ufffd"
