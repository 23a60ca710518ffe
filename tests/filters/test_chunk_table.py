# ruff: noqa: RUF001 (these characters are intended)
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.byte_strings import byte_strings
from lmkit.filters.chunk_table import OTHER_MARK, SPECIAL_PARTS, STOP_BITS, WORD, ChunkTable


def row(table: ChunkTable, chunk: str) -> tuple[list[int], ...]:
    number = table.numbers(byte_strings([chunk]))[0]
    columns = {name: values[number].item() for name, values in table.columns.items()}
    first = columns.pop("first")
    count = columns["n_solid"] & 0xFFFFFFFF
    words = [table.lengths[n].item() for n in table.flat[first : first + count]]
    return words, list(columns.values())


ONE = r"[\"(‘_]{0,2}([A-Za-z]{2,9}|[0-9]{2,5})('s)?[.,;)”…_]{0,3}"
JOINED = r"[\"(‘_]{0,2}[A-Za-z]{2,5}([,;!?.:]?(-{1,3}|[–—_'])[A-Za-z]{1,5}){1,4}('s)?[.,;)”…_]{0,3}"
WORDS = st.sampled_from([*SPECIAL_PARTS, "I", "s", "Zed", "QED", "co"])
SPECIAL_ONES = st.lists(
    WORDS | st.sampled_from([*"'’-–—.,;!?/()\"_", "--"]), min_size=1, max_size=6
)
CHUNKS = st.from_regex(ONE, fullmatch=True) | st.from_regex(JOINED, fullmatch=True)
CHUNKS |= SPECIAL_ONES.map("".join)


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
    together.numbers(byte_strings(chunks))
    assert [row(together, chunk) for chunk in chunks] == [row(alone, chunk) for chunk in chunks]


def one_by_one(table: ChunkTable) -> ChunkTable:
    """Disable shapes, so that each chunk is processed by itself."""
    nothing = table._rows(()), np.zeros(0, np.int64)
    table._rows_by_shape = lambda _: nothing  # type: ignore[method-assign]
    return table


def test_the_length_of_a_word_that_a_line_introduced_is_known() -> None:
    table = ChunkTable()
    assert table.kinds("unheard-of") == [WORD, OTHER_MARK, WORD]
    assert row(table, "unheard-of") == row(ChunkTable(), "unheard-of")


def test_stop_words_are_case_sensitive() -> None:
    table = ChunkTable()
    for chunk, bit in (("the", STOP_BITS["the"]), ("The", 0), ("(that)", STOP_BITS["that"])):
        number = table.numbers(byte_strings([chunk]))[0]
        assert table.columns["stop"][number] == bit


@given(CHUNKS, st.sampled_from(["\xa0", "\u3000", "\u2003\xa0", "\x85"]))
def test_white_space_other_than_ascii_around_a_chunk_makes_no_words(chunk: str, space: str) -> None:
    table = ChunkTable()
    assert table.words(space + chunk) == table.words(chunk + space) == table.words(chunk)
    assert table.words(space) == []
