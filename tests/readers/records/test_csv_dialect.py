import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.readers.records.csv_dialect import (
    BadRow,
    Dialect,
    RowParser,
    detected_delimiter,
    detected_escape,
)

CELL = st.text(alphabet='ab ,;"\\\n\u706f', max_size=8)


def fields(text: str, dialect: Dialect) -> list[str] | None:
    parser = RowParser(dialect)
    ends = [parser.feed(line) for line in text.split("\n")]
    return parser.fields if ends[-1] and not any(ends[:-1]) else None


@settings(max_examples=300)
@given(row=st.lists(CELL, min_size=1, max_size=4), delimiter=st.sampled_from(",;|\t"))
def test_a_row_is_read_as_the_csv_module_wrote_it(row: list[str], delimiter: str) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="", quoting=csv.QUOTE_ALL).writerow(row)
    assert fields(file.getvalue(), Dialect(delimiter)) == row


@settings(max_examples=300)
@given(row=st.lists(CELL, min_size=1, max_size=4))
def test_a_row_with_backslashes_is_read_as_it_was_written(row: list[str]) -> None:
    cells = [cell.replace("\\", "\\\\").replace('"', '\\"') for cell in row]
    text = ",".join(f'"{cell}"' for cell in cells)
    assert fields(text, Dialect(",", escape="\\")) == row


@pytest.mark.parametrize("text", ['"a"b', '"a" ,b', 'x,"a"b"', '"a"""b,'])
def test_text_after_a_closing_quote_is_no_row(text: str) -> None:
    with pytest.raises(BadRow, match="after the closing quote"):
        RowParser(Dialect()).feed(text)


def test_without_quoting_an_escape_makes_the_delimiter_literal() -> None:
    assert fields('a\\|b|"c\\d', Dialect("|", quoting=False, escape="\\")) == ["a|b", '"c\\d']


def test_the_delimiter_is_what_separates_the_column() -> None:
    lines = ["id|a,b,text;c|text", "1|x|y"]
    assert detected_delimiter(lines, Dialect(), "text", header=True) == "|"
    assert detected_delimiter(lines, Dialect(), "text;c|text", header=True) == ","
    assert detected_delimiter(["1;a,b", "2;c", "3;d,e,f"], Dialect(), "2", header=False) == ";"


def test_an_escape_is_found_only_where_it_reads_more_rows() -> None:
    assert detected_escape(["id,text", '1,"say \\"x\\" now"'], Dialect()) == "\\"
    assert detected_escape(["id,text", '1,"C:\\"', '2,"""D:\\"""'], Dialect()) is None
    assert detected_escape(["id,text", '1,\\"x\\"'], Dialect()) is None
