# ruff: noqa: RUF001 (these characters are intended)
import re

from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.chunk_shapes import (
    DIGITS,
    LAST,
    MAX_SHAPE,
    SECOND_TO_LAST,
    UPPER,
    contains_any,
    shaped,
)
from lmkit.filters.chunk_table import SHAPE

LIKELY = st.from_regex(r"\A[\"(_‘é]{0,2}[A-Za-z0-9é]{0,9}('s|’s)?[.,_;)”…]{0,3}\Z")


@given(st.lists(LIKELY.filter(bool) | st.text(min_size=1), unique=True))
def test_chunks_are_split_as_one_by_one(chunks: list[str]) -> None:
    chunks = [chunk for chunk in chunks if not re.search(r"[\s\ud800-\udfff]", chunk)]
    found = shaped(chunks)
    cores = found.cores.to_pylist()
    for index, core, number in zip(found.indices, cores, found.shape, strict=True):
        match, key = SHAPE.fullmatch(chunks[index]), found.keys[number]
        assert match and len(chunks[index]) <= MAX_SHAPE
        assert match.groups() == (key.before, core, key.after)
        bits = (UPPER, core[0].isupper()), (SECOND_TO_LAST, core[-2].isupper())
        bits += (LAST, core[-1].isupper()), (DIGITS, core[0].isdigit())
        assert key.case == sum(bit for bit, is_on in bits if is_on)


def test_words_are_found_in_any_case() -> None:
    cores = shaped(["JavaScript", "Termite", "terms"]).cores
    assert contains_any(cores, ("terms", "javascript")).tolist() == [True, False, True]
