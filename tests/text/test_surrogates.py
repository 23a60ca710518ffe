from lmkit.text.surrogates import well_formed


def test_text_that_utf8_can_encode_is_unchanged() -> None:
    assert well_formed("\U0001f600 é \0 \ufffd") == "\U0001f600 é \0 \ufffd"


def test_an_unpaired_surrogate_becomes_the_replacement_character() -> None:
    assert well_formed("\udc00a\ud800") == "\ufffda\ufffd"


def test_a_surrogate_pair_becomes_its_character() -> None:
    assert well_formed("\ud83d\ude00\ud83d") == "\U0001f600\ufffd"
