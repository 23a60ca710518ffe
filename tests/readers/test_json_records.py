from datetime import date

from lmkit.readers.json_records import plain


def test_values_become_json() -> None:
    assert plain({"a": date(2020, 1, 2), "b": b"x", "c": (1, 2)}) == {
        "a": "2020-01-02",
        "c": [1, 2],
    }
