from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts import inputs as inputs_module
from lmkit.artifacts.input_lists import found_inputs
from lmkit.artifacts.input_lists.found_inputs import FoundInputs
from lmkit.artifacts.input_lists.input_slice import Slice
from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.recorded_input import Input
from lmkit.artifacts.inputs import Inputs, make_tasks
from lmkit.storage.remote_files import State

Found = tuple[str, str, int]
"""A label, a name and a size; a label `made` stands for a finished folder of several files."""
FOUND = st.lists(
    st.tuples(
        st.sampled_from(["web", "books", "made", "hub"]),
        st.text("abé\ud800\U00010000", min_size=1, max_size=4),
        st.integers(0, 70),
    ),
    max_size=20,
    unique_by=lambda each: each[:2],
)


def slices_of(label: str, name: str, size: int) -> tuple[Input, list[Slice]]:
    kind = "hub" if label == "hub" else "documents"
    record = Input(f"{label}/{name}", label, size, sha256=("made",) if label == "made" else ())
    whole = Slice(0, record.path, label, name, kind, "zstd", 0, size, size, 1)
    return record, [whole._replace(start=n, stop=n + 1) for n in range(size % 3 + 1)]


def collected(found: Sequence[Found]) -> Inputs:
    files = FoundInputs()
    for label, name, size in found:
        if label in {"made", "hub"}:
            files.add(*slices_of(label, name, size))
        else:
            ending, kind = (".jsonl.gz", "jsonl") if size % 2 else (".txt", "text")
            files.add_file(label, f"{label}/{name}{ending}", name + ending, kind, State(size, 7))
    assert len(files) == len(found)
    records, slices = files.sorted()
    return Inputs((), records, slices, {})


@given(FOUND, st.integers(0, 20), st.sampled_from(["auto", 40, 1_000]))
def test_many_inputs_are_sorted_sliced_and_divided_as_few_are(
    found: list[Found], first: int, shard_bytes: int
) -> None:
    few = collected(found)
    expected = sorted(few.records, key=lambda item: (*item.identity, item.path))
    assert isinstance(few.records, tuple) and [*few.records] == expected
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("MOST_OBJECTS", 0), ("BLOCK", 3), ("PIECE", 2)):
            patch.setattr(found_inputs, name, value)
        patch.setattr(inputs_module, "MIN_AUTO_BYTES", 30)
        patch.setattr(inputs_module, "MAX_FILES_PER_TASK", 3)
        if not found:
            return
        many = collected(found)
        assert isinstance(many.records, InputTable)
        assert [*many.records] == [*few.records] and [*many.slices] == [*few.slices]
        assert len(many.slices) == len(few.slices) and many.slices[::2] == few.slices[::2]
        assert many.formats() == few.formats()
        assert [*many.renumbered(first)] == [*few.renumbered(first)]
        tasks = make_tasks(few.slices, shard_bytes)
        lazy = make_tasks(many.slices, shard_bytes)
        assert [*lazy] == tasks and len(lazy) == len(tasks) and lazy[-1:] == (tasks[-1],)


def test_inputs_of_options_come_after_many_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_inputs, "MOST_OBJECTS", 2)
    many = collected([("web", name, 1) for name in "abc"])
    few = collected([("books", "d", 2)])
    for one, other in ((many, few), (few, many), (many, many)):
        joined = one.merged_with(other)
        assert [*joined.records] == [*one.records, *other.records]
        assert [*joined.slices] == [*one.slices]
