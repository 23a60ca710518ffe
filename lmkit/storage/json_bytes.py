r"""JSON, read and written by orjson where it can, and by Python's own module where it can't.

Choices:
- orjson is three times as fast. It refuses half a surrogate pair and integers of more than 64
  bits, which Python's module takes; and it reads such integers as fractions, which would change
  them. Those are rare, so the record that holds one goes the slow way.
- What is no JSON is refused by Python's module too, whose messages say where and why.
"""

import json
from typing import Any

import orjson

WHOLE_FLOATS = float(1 << 63)
"""From here on a fraction may be an integer that orjson could not hold."""


def to_json(value: Any) -> bytes:
    r"""Return a value as one line of JSON, with its end.

    >>> to_json({"a": [1, "é"]}).decode(), to_json("\ud800")
    ('{"a":[1,"é"]}\n', b'"\\ud800"\n')
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        # Half a surrogate pair is not UTF-8, but its backslash form is what JSON calls it.
        return line.encode("utf-8", "backslashreplace")


def from_json(data: bytes) -> Any:
    """Return what JSON says; raise ValueError, or RecursionError, where it is none.

    >>> from_json(b"[18446744073709551616, 0.5]")
    [18446744073709551616, 0.5]
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data.decode("utf-8"))
    return json.loads(data) if _may_have_lost_digits(value) else value


def _may_have_lost_digits(value: Any) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, float) and abs(one) >= WHOLE_FLOATS:
            return True
    return False
