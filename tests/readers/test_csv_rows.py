import csv
from pathlib import Path

import pytest

from tests.readers.reading import documents, outcomes, texts_and_reasons


def test_rows_are_read_as_the_csv_module_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [["one, two", "a"], ['say "hi"\nand go', "b"], ["\u00e9", "c"]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *rows])
    found = documents(path)
    assert [document.text for document in found] == [row[0] for row in rows]
    assert [document.metadata["label"] for document in found] == ["a", "b", "c"]
    data = path.read_bytes()
    offsets = [document.metadata["offset"] for document in found]
    assert [data[offset : offset + 4] for offset in offsets] == [b'"one', b'"say', b"\xc3\xa9,c"]


@pytest.mark.parametrize(("name", "delimiter"), [("a.tsv", "\t"), ("a.csv", ";"), ("a.csv", ",")])
def test_the_delimiter_is_detected_from_the_name_and_the_header(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    (tmp_path / name).write_text(f"\ufeffbody{delimiter}id\r\nhello{delimiter}7\r\n")
    (document,) = documents(tmp_path / name, text_field="body")
    assert (document.text, document.id) == ("hello", "7")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"stray,1', "! a quote is open to the end"),
        (b"a,1,2", "! 3 columns, must be 2"),
        (b"a", "! 1 columns, must be 2"),
        (b"caf\xe9,1", "! not UTF-8"),
        (b"x" * 2_000 + b",1", "! longer than --max-record"),
    ],
)
def test_a_bad_row_costs_one_row(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,n\nbefore,1\n" + line + b"\nafter,2\nlast,3\n")
    before, bad, *after = texts_and_reasons(outcomes(path, max_record=1_000))
    assert (before, after) == ("before", ["after", "last"])
    assert bad.startswith(reason)


def test_a_table_without_the_column_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body,n\na,1\nb,2\n")
    assert texts_and_reasons(outcomes(tmp_path / "a.csv")) == ["! no column 'text'; it has body, n"]
