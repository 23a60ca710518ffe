import pytest

from lmkit.text.line_end_hyphens import join_divided_words


def joined(text: str) -> str:
    return join_divided_words(text.replace("-/", "\x02"), "\x02")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The investi-/gation", "The investigation"),
        ("a well-/known lamp", "a well-known lamp"),
        ("twenty-/two, self-/made, self-/ish", "twenty-two, self-made, selfish"),
        ("Jean-/Paul", "Jean-Paul"),
        ("INVESTI-/GATION", "INVESTIGATION"),
        ("COVID-/19, 1990-/2000, a 20-/year plan", "COVID-19, 1990-2000, a 20-year plan"),
        ("e-/mail, x-/ray", "e-mail, x-ray"),
        ("Donau-/dampfschiff", "Donaudampfschiff"),
        ("смотри-/тель", "смотритель"),
        ("φάρ-/ος", "φάρος"),
    ],
)
def test_a_division_is_joined_and_a_hyphen_of_the_word_stays(text: str, expected: str) -> None:
    assert joined(text) == expected


@pytest.mark.parametrize(
    ("divided", "elsewhere", "expected"),
    [
        ("co-/operate", "They cooperate.", "cooperate"),
        ("co-/operate", "They co-operate.", "co-operate"),
        ("co-/operate", "They co-operate; cooperate. Cooperate!", "cooperate"),
        ("well-/being", "Their wellbeing.", "wellbeing"),
        ("light-/house", "A light, a house.", "light-house"),
        ("light-/house", "A light, a house, a lighthouse.", "lighthouse"),
        ("in-/formation", "A formation in the sand.", "information"),
        ("кто-/нибудь", "Если кто-нибудь придёт.", "кто-нибудь"),
        ("peut-/être", "Peut-être pas.", "peut-être"),
        ("ma-/ritime", "ma ritme", "maritime"),
        ("Λευκά-/δα", "Λευκάδα.", "Λευκάδα"),
    ],
)
def test_the_word_elsewhere_in_the_document_decides(
    divided: str, elsewhere: str, expected: str
) -> None:
    assert joined(f"{divided}. {elsewhere}") == f"{expected}. {elsewhere}"
    assert joined(f"{elsewhere} {divided}") == f"{elsewhere} {expected}"


def test_halves_of_divided_words_are_no_words() -> None:
    assert joined("inves-/tigation inves-/tigation") == "investigation investigation"


def test_a_mark_without_a_word_is_a_hyphen() -> None:
    assert joined("end -/ and") == "end - and"


def test_many_divisions_take_linear_time() -> None:
    assert len(joined("a" * 500 + "-/b " * 200_000)) > 400_000
