import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.artifacts.inputs import Slice
from lmkit.readers.records import json_values
from lmkit.readers.records.encoded_lines import Encoding
from lmkit.readers.records.json_values import JsonValues, next_name, parsed
from lmkit.storage.byte_ranges import CorruptInput, Range

VALUE = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\{}[],:\n\u706f', max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=9,
)


def opened(path: Path, data: bytes) -> tuple[Slice, Range]:
    path.write_bytes(data)
    part = Slice(0, str(path), "a", "a", "json", "none", 0, len(data), len(data), 0)
    return part, Range(path, 0, len(data))


@settings(max_examples=150, deadline=None)
@given(values=st.lists(VALUE, min_size=1, max_size=5), step=st.sampled_from([1, 2, 7, 1 << 16]))
def test_values_are_found_whatever_the_pieces(
    values: list[Any], step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = "\n".join(json.dumps(value) for value in values).encode()
    part, source = opened(tmp_path_factory.mktemp("x") / "a.json", data)
    with pytest.MonkeyPatch.context() as patch, source:
        patch.setattr(json_values, "BLOCK_BYTES", step)
        patch.setattr(json_values, "MORE_BYTES", step)
        cursor = JsonValues(part, source, Encoding())
        found: list[Any] = []
        while cursor.peek():
            found.append(parsed(cursor.take(1_000_000) or b"", 0))
    assert found == values


def test_a_long_value_is_passed_over_and_read_again(tmp_path: Path) -> None:
    data = json.dumps({"a": "x" * 2_000_000, "b": [1]}).encode() + b" 7"
    part, source = opened(tmp_path / "a.json", data)
    with source:
        cursor = JsonValues(part, source, Encoding())
        start = cursor.here
        assert cursor.take(1_000) is None and not cursor.back_to(start)
        again = cursor.again(start)
        assert again.peek() == "{"
        again.step()
        assert next_name(again, 100) == "a" and again.take(10) is None
        assert next_name(again, 100) == "b" and again.take(10) == b"[1]"
        assert cursor.peek() == "7" and cursor.take(10) == b"7" and cursor.peek() == ""


@pytest.mark.parametrize("data", [b'{"a": 1', b'["a', b'"a\\', b'[{"a": [}]'])
def test_a_value_without_an_end_is_truncated(tmp_path: Path, data: bytes) -> None:
    part, source = opened(tmp_path / "a.json", data)
    with source, pytest.raises(CorruptInput, match="truncated"):
        JsonValues(part, source, Encoding()).take(100)
