# ruff: noqa: RUF001 (these marks are meant)
import re

from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.chunk_shapes import (
    DIGITS,
    LAST,
    LAST_BUT_ONE,
    LONGEST_SHAPE,
    UPPER,
    holds,
    shaped,
)
from lmkit.filters.chunk_table import SHAPE

LIKELY = st.from_regex(r"\A[\"(_‘é]{0,2}[A-Za-z0-9é]{0,9}('s|’s)?[.,_;)”…]{0,3}\Z")


@given(st.lists(LIKELY.filter(bool) | st.text(min_size=1), unique=True))
def test_what_is_taken_apart_is_taken_apart_as_one_by_one(chunks: list[str]) -> None:
    chunks = [chunk for chunk in chunks if not re.search(r"[\s\ud800-\udfff]", chunk)]
    found = shaped(chunks)
    cores = found.cores.to_pylist()
    for place, core, number in zip(found.places, cores, found.shape, strict=True):
        match, key = SHAPE.fullmatch(chunks[place]), found.keys[number]
        assert match and len(chunks[place]) <= LONGEST_SHAPE
        assert match.groups() == (key.before, core, key.behind)
        bits = (UPPER, core[0].isupper()), (LAST_BUT_ONE, core[-2].isupper())
        bits += (LAST, core[-1].isupper()), (DIGITS, core[0].isdigit())
        assert key.case == sum(bit for bit, is_on in bits if is_on)


def test_words_are_found_in_any_case() -> None:
    cores = shaped(["JavaScript", "Termite", "terms"]).cores
    assert holds(cores, ("terms", "javascript")).tolist() == [True, False, True]
