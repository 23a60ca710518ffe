# ruff: noqa: RUF001 (these characters are intended)
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.chunk_table import STOP_BITS, ChunkTable


def row(table: ChunkTable, chunk: str) -> tuple[list[int], ...]:
    number = table[chunk]
    table.fill_columns()
    columns = {name: values[number].item() for name, values in table.columns.items()}
    first = columns.pop("first")
    count = columns["n_solid"] & 0xFFFFFFFF
    words = [table.lengths[n].item() for n in table.flat[first : first + count]]
    return words, list(columns.values())


ONE = r"[\"(‘_]{0,2}([A-Za-z]{2,9}|[0-9]{2,5})('s)?[.,;)”…_]{0,3}"
JOINED = r"[\"(‘_]{0,2}[A-Za-z]{2,5}([,;!?.:]?(-{1,3}|[–—_'])[A-Za-z]{1,5}){1,4}('s)?[.,;)”…_]{0,3}"
CHUNKS = st.from_regex(ONE, fullmatch=True) | st.from_regex(JOINED, fullmatch=True)


@given(CHUNKS)
def test_the_row_of_a_shape_is_that_of_the_chunk(chunk: str) -> None:
    batched, literal = ChunkTable(), ChunkTable()
    for other in ('"Well,', "cat's.", "(1851)", "ABC...", "the", "Cookies", "so--it", "Co-op."):
        row(batched, other)
    assert row(batched, chunk) == row(one_by_one(literal), chunk)


@given(st.lists(CHUNKS | st.text(min_size=1).filter(lambda t: not t.isspace()), unique=True))
def test_many_chunks_at_once_have_the_same_rows_as_one_by_one(chunks: list[str]) -> None:
    chunks = [chunk for chunk in chunks if len(chunk.split()) == 1]
    together, alone = ChunkTable(), one_by_one(ChunkTable())
    for chunk in chunks:
        assert together[chunk] >= 0
    assert [row(together, chunk) for chunk in chunks] == [row(alone, chunk) for chunk in chunks]


def one_by_one(table: ChunkTable) -> ChunkTable:
    """Disable shapes, so that each chunk is processed by itself."""
    table._row_by_shape = lambda *_: None  # type: ignore[method-assign]
    nothing = np.zeros(0, np.int64)
    table._add_shapes = lambda *_: nothing  # type: ignore[method-assign]
    return table


def test_stop_words_are_case_sensitive() -> None:
    table = ChunkTable()
    for chunk, bit in (("the", STOP_BITS["the"]), ("The", 0), ("(that)", STOP_BITS["that"])):
        number = table[chunk]
        table.fill_columns()
        assert table.columns["stop"][number] == bit
