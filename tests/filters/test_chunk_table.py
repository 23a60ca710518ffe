# ruff: noqa: RUF001 (these marks are meant)
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.chunk_table import STOP_BITS, Vocabulary


def row(vocabulary: Vocabulary, chunk: str) -> tuple[list[int], ...]:
    number = vocabulary[chunk]
    vocabulary.learn()
    columns = {name: values[number].item() for name, values in vocabulary.columns.items()}
    first = columns.pop("first")
    count = columns["n_solid"] & 0xFFFFFFFF
    words = [vocabulary.lengths[n].item() for n in vocabulary.flat[first : first + count]]
    return words, list(columns.values())


ONE = r"[\"(‘_]{0,2}([A-Za-z]{2,9}|[0-9]{2,5})('s)?[.,;)”…_]{0,3}"
JOINED = r"[\"(‘_]{0,2}[A-Za-z]{2,5}([,;!?.:]?(-{1,3}|[–—_'])[A-Za-z]{1,5}){1,4}('s)?[.,;)”…_]{0,3}"
CHUNKS = st.from_regex(ONE, fullmatch=True) | st.from_regex(JOINED, fullmatch=True)


@given(CHUNKS)
def test_a_shape_says_what_the_chunk_itself_would(chunk: str) -> None:
    learned, literal = Vocabulary(), Vocabulary()
    for other in ('"Well,', "cat's.", "(1851)", "ABC...", "the", "Cookies", "so--it", "Co-op."):
        row(learned, other)
    assert row(learned, chunk) == row(one_by_one(literal), chunk)


@given(st.lists(CHUNKS | st.text(min_size=1).filter(lambda t: not t.isspace()), unique=True))
def test_many_chunks_at_once_are_what_each_is_alone(chunks: list[str]) -> None:
    chunks = [chunk for chunk in chunks if len(chunk.split()) == 1]
    together, alone = Vocabulary(), one_by_one(Vocabulary())
    for chunk in chunks:
        assert together[chunk] >= 0
    assert [row(together, chunk) for chunk in chunks] == [row(alone, chunk) for chunk in chunks]


def one_by_one(vocabulary: Vocabulary) -> Vocabulary:
    """Let it take each chunk for itself, without its shape."""
    vocabulary._row_by_shape = lambda *_: None  # type: ignore[method-assign]
    nothing = np.zeros(0, np.int64)
    vocabulary._learn_shapes = lambda *_: nothing  # type: ignore[method-assign]
    return vocabulary


def test_stop_words_count_as_they_are_written() -> None:
    vocabulary = Vocabulary()
    for chunk, bit in (("the", STOP_BITS["the"]), ("The", 0), ("(that)", STOP_BITS["that"])):
        number = vocabulary[chunk]
        vocabulary.learn()
        assert vocabulary.columns["stop"][number] == bit
