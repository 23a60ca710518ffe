import pytest

from lmkit.text.ligatures import expand_ligatures


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("e\ufb00ort \ufb01rst \ufb02oor o\ufb03ce ba\ufb04e", "effort first floor office baffle"),
        ("be\ufb05 la\ufb06", "best last"),
        ("\ufb13\ufb14\ufb15\ufb16\ufb17", "մնմեմիվնմխ"),
        ("\ufefb \ufee3\ufee8\ufeb0\ufedd", "لا منزل"),
        ("\ufb4f", "אל"),
    ],
)
def test_ligatures_are_written_as_letters(text: str, expanded: str) -> None:
    assert expand_ligatures(text) == expanded


@pytest.mark.parametrize(
    "text", ["mc² ½ ™ Ⅷ ㎏ Å œ æ ß ĳ", "ﷺ", "\uff46\uff55\uff4c\uff4c ﾊﾝ", "①", "…"]
)
def test_other_characters_that_nfkc_would_change_stay(text: str) -> None:
    assert expand_ligatures(text) == text
