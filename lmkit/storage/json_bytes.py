r"""JSON, read and written by orjson where possible, and by Python's `json` module elsewhere.

Choices:
- orjson is three times as fast. It rejects lone surrogates and integers of more than 64 bits, which
  Python's module accepts; and it reads such integers as floats, which would change them. Those are
  rare, so a record that holds one takes the slow path.
- Invalid JSON is rejected by Python's module too, whose messages give the location and the reason.
- A file that lmkit wrote may come back damaged, or made by a stranger: whatever is wrong with it is
  a ValueError, also arrays within arrays beyond what Python can hold.
"""

import json
from pathlib import Path
from typing import Any, cast

import orjson

LARGE_FLOAT = float(1 << 63)
"""From this value on, a float may be an integer that orjson could not represent."""


def to_json(value: Any) -> bytes:
    r"""Return a value as one line of JSON, with its line feed.

    >>> to_json({"a": [1, "é"]}).decode(), to_json("\ud800")
    ('{"a":[1,"é"]}\n', b'"\\ud800"\n')
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        # A lone surrogate is not UTF-8, but JSON has a backslash escape for it.
        return line.encode("utf-8", "backslashreplace")


def from_json(data: bytes) -> Any:
    """Return the value that JSON encodes; raise ValueError if it is invalid.

    >>> from_json(b"[18446744073709551616, 0.5]")
    [18446744073709551616, 0.5]
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(data.decode("utf-8"))
        except RecursionError as error:
            raise ValueError(str(error)) from None
    return json.loads(data) if _may_have_lost_digits(value) else value


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one object; raise OSError, or ValueError for anything else."""
    return object_of(from_json(path.read_bytes()))


def object_of(value: Any) -> dict[str, Any]:
    """Return a value that is an object; raise ValueError for any other."""
    if not isinstance(value, dict):
        raise ValueError("not a table")
    return cast(dict[str, Any], value)


def _may_have_lost_digits(value: Any) -> bool:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            pending += one.values()
        elif isinstance(one, list):
            pending += one
        elif isinstance(one, float) and abs(one) >= LARGE_FLOAT:
            return True
    return False
