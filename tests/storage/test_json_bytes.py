import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.storage.json_bytes import from_json, to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_values_survive_a_round_trip_and_equal_those_of_python(value: Any) -> None:
    line = to_json(value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert from_json(line) == json.loads(line) == value


@given(VALUES)
def test_what_python_writes_is_read_as_python_reads_it(value: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        data = text.encode("utf-8", "backslashreplace")
        assert repr(from_json(data)) == repr(json.loads(data))


@pytest.mark.parametrize(
    "number", [2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**300, 10**400, 1e300, -1e19]
)
def test_no_number_loses_a_digit(number: float) -> None:
    for value in (number, [{"a": [number]}]):
        found = from_json(to_json(value))
        assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[1,]", "Expecting value: line 1 column 4"),
        (b"", "Expecting value: line 1 column 1"),
        (b'{"a" 1}', "Expecting ':' delimiter: line 1 column 6"),
        (b'"\xff"', "invalid start byte"),
        (b"{} {}", "Extra data: line 1 column 4"),
    ],
)
def test_invalid_json_is_rejected_with_the_message_of_python(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(data)


def test_infinite_numbers_are_read() -> None:
    assert from_json(b"[1e999]") == [math.inf]
    assert math.isnan(from_json(b"NaN"))
