import pytest

from lmkit.text.language_codes import NAMES, checked


def test_the_codes_are_those_of_the_model() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    assert set(NAMES) == set(LanguageIdentifier.from_model_file(MODEL_FILE).labels)


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("englsh", "en (English)"),
        ("EN", "en (English)"),
        ("de-AT", "de (German)"),
        ("zh_CN", "zh (Chinese)"),
        ("deu", "de (German)"),
        ("Norwegian", "no (Norwegian)"),
    ],
)
def test_a_misspelt_language_is_refused_with_a_suggestion(typed: str, suggested: str) -> None:
    with pytest.raises(ValueError, match="did you mean") as caught:
        checked([typed], "--language")
    assert str(caught.value).endswith(f"did you mean {suggested}?")


def test_all_excludes_other_codes_and_a_language_counts_once() -> None:
    assert checked(["all"], "--language") == ("all",)
    assert checked(["en", "de", "en"], "--language") == ("en", "de")
    for wrong in (["en", "all"], []):
        with pytest.raises(ValueError, match="--language"):
            checked(wrong, "--language")
