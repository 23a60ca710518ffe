"""What a change is called is in test_manifest."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.input_lists import input_changes as module
from lmkit.artifacts.input_lists.input_changes import input_changes
from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.recorded_input import Input

INPUTS = st.lists(
    st.builds(
        lambda source, name, digest: Input(f"{source}/{name}", source, 1, name, 2, (digest,)),
        st.sampled_from("ab"),
        st.sampled_from(["x", "y", "\ud800", "xy"]),
        st.sampled_from("123"),
    ),
    max_size=10,
)


def compared(before: Sequence[Input], now: Sequence[Input]) -> list[str]:
    """Compare, and check that each earlier input comes with its own index."""

    def same(index: int, old: Input, new: Input) -> bool:
        assert before[index] == old
        return old.sha256 == new.sha256

    return input_changes(before, now, same)


@given(INPUTS, INPUTS, st.booleans())
def test_many_inputs_are_compared_as_few_are(
    before: list[Input], now: list[Input], reorder: bool
) -> None:
    now = before[::-1] if reorder else now
    expected = sorted(compared(before, now))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MATCHED_AS_OBJECTS", 0)
        assert sorted(compared(before, now)) == expected
        assert sorted(compared(InputTable(before), InputTable(now))) == expected


def test_of_many_changes_the_first_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MATCHED_AS_OBJECTS", 0)
    monkeypatch.setattr(module, "NAMED", 2)
    before = [Input(f"raw/{n}", "raw", 1, str(n), sha256=("1",)) for n in range(5)]
    now = [Input(f"raw/{n}", "raw", 1, str(n), sha256=("2",)) for n in range(5)]
    changes = ["input raw/0 has changed", "input raw/1 has changed", "and 3 more inputs"]
    assert compared(before, now) == changes
