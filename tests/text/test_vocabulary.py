# ruff: noqa: RUF001 (these marks are meant)
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.vocabulary import STOP_BITS, Vocabulary


def row(vocabulary: Vocabulary, chunk: str) -> tuple[list[int], ...]:
    number = vocabulary[chunk]
    vocabulary.learn()
    columns = {name: values[number].item() for name, values in vocabulary.columns.items()}
    first = columns.pop("first")
    count = columns["n_solid"] & 0xFFFFFFFF
    words = [vocabulary.lengths[n].item() for n in vocabulary.flat[first : first + count]]
    return words, list(columns.values())


@given(st.from_regex(r"[\"(‘]{0,2}([A-Za-z]{2,9}|[0-9]{2,5})('s)?[.,;)”…]{0,3}", fullmatch=True))
def test_a_shape_says_what_the_chunk_itself_would(chunk: str) -> None:
    learned, literal = Vocabulary(), Vocabulary()
    for other in ('"Well,', "cat's.", "(1851)", "ABC...", "the", "Cookies"):
        row(learned, other)
    literal._row_by_shape = lambda *_: None  # type: ignore[method-assign]
    assert row(learned, chunk) == row(literal, chunk)


def test_stop_words_count_as_they_are_written() -> None:
    vocabulary = Vocabulary()
    for chunk, bit in (("the", STOP_BITS["the"]), ("The", 0), ("(that)", STOP_BITS["that"])):
        number = vocabulary[chunk]
        vocabulary.learn()
        assert vocabulary.columns["stop"][number] == bit
