# ruff: noqa: RUF001 (these characters are intended)
from lmkit.filters.punctuation import PUNCTUATION, SENTENCE_ENDS, TERMINAL


def test_punctuation_is_that_of_datatrove_and_spacy() -> None:
    assert set(".!?。！？।۔") <= SENTENCE_ENDS < TERMINAL < PUNCTUATION
    assert not set(':)"…;,') & TERMINAL
    # datatrove's set contains the full-width digit 1, too.
    assert "１" in PUNCTUATION and "1" not in PUNCTUATION
