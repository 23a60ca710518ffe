# ruff: noqa: RUF001 (these characters are intended)
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.english_tokenizer import english_words


# The output of spaCy 3.8's blank English tokenizer.
@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        ("(don't-stop!)", ["(", "don't", "-", "stop", "!", ")"]),
        ("don’t", ["do", "n’t"]),
        ("Mr.", ["Mr."]),
        ("Capt.", ["Capt", "."]),
        ("goin'", ["goin'"]),
        ("cannot", ["can", "not"]),
        ("10am", ["10", "am"]),
        ("16-inch", ["16", "-", "inch"]),
        ("e.g.,", ["e.g.", ","]),
        ("him].", ["him", "]", "."]),
        ("27):", ["27", "):"]),
        ("U.S.", ["U.S."]),
        ("Hill.TV", ["Hill", ".", "TV"]),
        ("DON'T", ["DON'T"]),
        ("well", ["well"]),
        ("wed", ["we", "d"]),
        ("http://gutenberg.org/license).", ["http://gutenberg.org/license", ")", "."]),
        ("animation]]'''", ["animation", "]", "]", "''", "'"]),
    ],
)
def test_words_are_those_of_spacy(chunk: str, words: list[str]) -> None:
    assert list(english_words(chunk)) == words


@given(st.text(st.sampled_from("aB9.,'’-–…!?()[]:/@°%$+é한½ "), max_size=40))
def test_no_character_is_lost_or_added(text: str) -> None:
    for chunk in text.split():
        assert "".join(english_words(chunk)) == chunk


@pytest.mark.parametrize("part", ["!", ".", "''", "a.", "a-", "(a", "http://a.", "1+", "😀", "n't"])
def test_a_hundred_thousand_marks_take_linear_time(part: str) -> None:
    chunk = part * 100_000
    assert "".join(english_words(chunk)) == chunk
