import pyarrow as pa
import pytest

from lmkit.readers.reader import Request
from lmkit.readers.records.text_columns import readable, text_columns
from lmkit.readers.records.text_template import TextTemplate
from lmkit.storage.byte_ranges import CorruptInput


def test_the_columns_of_a_template_are_found_in_structs() -> None:
    schema = pa.schema(
        [("a.b", pa.binary()), ("c", pa.struct([("d", pa.binary(3))])), ("n", pa.int64())]
    )
    request = Request(template=TextTemplate("{a.b}{c.d}{n}{no}"))
    columns = text_columns(schema, request)
    assert [column.path for column in columns] == [("a.b",), ("c", "d"), ("n",)]
    row = {"a.b": "\u706f".encode(), "c": {"d": b"x\0\0"}, "n": 7}
    for column in columns:
        column.check(row)
    assert row == {"a.b": "\u706f", "c": {"d": "x"}, "n": 7}


def test_a_number_is_no_text_and_null_is_told_elsewhere() -> None:
    (column,) = text_columns(pa.schema([("text", pa.int64())]), Request())
    column.check({"text": None})
    with pytest.raises(CorruptInput, match="column 'text' is int64, must be text"):
        column.check({"text": 7})


def test_other_bytes_are_text_only_next_to_a_text_in_bytes() -> None:
    row = {"title": b"Turm", "picture": b"\xff\xd8", "digest": b"\x01"}
    in_bytes = text_columns(pa.schema([("text", pa.binary())]), Request())
    assert readable(row, in_bytes) == {**row, "title": "Turm"}
    assert readable(row, text_columns(pa.schema([("text", pa.string())]), Request())) == row
