import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.input_lists.read_ranges import (
    ChangedError,
    ReadRange,
    ReadRanges,
    read_inputs,
)
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.tasks import Receipt

HEX = st.sampled_from(["0" * 64, "ab" * 32, "AB" * 32, "x" * 64, "short", ""])
RANGES = st.lists(
    st.builds(
        ReadRange,
        input=st.integers(0, 5),
        start=st.integers(0, 3),
        stop=st.integers(0, 9),
        sha256=HEX,
    ),
    max_size=12,
)


@given(st.lists(RANGES, max_size=4))
def test_what_was_read_of_each_input_is_that_of_a_dictionary(parts: list[list[ReadRange]]) -> None:
    known: dict[tuple[int, int], str] = {}
    changed = False
    for part in (part for several in parts for part in several):
        changed |= known.setdefault((part.input, part.start), part.sha256) != part.sha256
    columns = [ReadRanges(part) for part in parts]
    if changed:
        with pytest.raises(ChangedError):
            read_inputs(columns)
        return
    expected: dict[int, tuple[str, ...]] = {}
    for (number, _), digest in sorted(known.items()):
        expected[number] = (*expected.get(number, ()), digest)
    assert read_inputs(columns).by_input() == expected


@given(RANGES)
def test_ranges_survive_a_receipt_and_a_process(ranges: list[ReadRange]) -> None:
    columns = ReadRanges(ranges)
    assert [*columns] == ranges and len(columns) == len(ranges)
    assert pickle.loads(pickle.dumps(columns)) == columns
    made = {"outputs": (), "scratch": (), "counts": Counts(), "facts": {}, "problems": ()}
    receipt = Receipt(**made, read=columns, seconds=0)  # type: ignore[arg-type]
    assert receipt.model_dump(mode="json")["read"] == [each.model_dump() for each in ranges]
    assert Receipt.model_validate(receipt.model_dump(mode="json")) == receipt


def test_an_input_that_changed_is_named_by_its_number() -> None:
    parts = [ReadRange(input=7, start=0, stop=1, sha256=digit * 64) for digit in "12"]
    with pytest.raises(ChangedError) as error:
        read_inputs([ReadRanges(parts[:1]), ReadRanges(parts[1:])])
    assert error.value.number == 7
