import pytest

from lmkit.text.language_codes import NAMES
from lmkit.text.language_names import base_language, one_code, with_one_code


def test_every_language_that_can_be_requested_has_its_own_code_and_name() -> None:
    for code, name in NAMES.items():
        if code != "zxx":  # no language
            assert one_code(code) == one_code(name) == code


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        (
            "en",
            ["English", "en-US", "eng", "en_gb", "EN", " en ", "en-GB-oxendict", "English (US)"],
        ),
        ("de", ["German", "de-AT", "deu", "ger", "de_DE.UTF-8"]),
        ("zh", ["zh-Hant-TW", "zho", "chi", "cmn_Hani", "Chinese"]),
        ("yue", ["zh-yue", "yue-Hant", "Cantonese"]),
        ("arz", ["ar-arz", "arz_Arab"]),
        ("nl", ["nld_BEL", "nl-BE"]),
        ("pt", ["pt_BR", "Portuguese", "por"]),
        ("nb", ["nob", "Norwegian Bokmål", "nb-NO"]),
        ("he", ["iw", "heb"]),
        ("fr", ["fra,eng", "fr; q=0.9", "fr, en"]),
    ],
)
def test_a_language_has_one_code_however_it_is_written(code: str, spellings: list[str]) -> None:
    assert [one_code(each) for each in spellings] == [code] * len(spellings)


@pytest.mark.parametrize("stated", ["python", "und", "mul", "", "x-default", "c", "klingon", "go"])
def test_what_is_no_known_language_has_none(stated: str) -> None:
    assert one_code(stated) is None
    assert with_one_code({"language": stated}) == {"language": stated}


def test_what_was_stated_is_kept_once() -> None:
    assert with_one_code({"a": 1}) == {"a": 1} and with_one_code({"language": 3}) == {"language": 3}
    metadata = {"language": "en-US", "stated_language": "American"}
    assert with_one_code(metadata) == {"language": "en", "stated_language": "American"}
    assert base_language({"language": "eng"}) == "en" and base_language({}) is None
