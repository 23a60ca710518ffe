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
    assert texts_and_reasons(outcomes(tmp_path / "a.csv")) == [
        "! no column 'text'; it has body, n; try --text-field body"
    ]


@pytest.mark.parametrize(
    "text",
    [
        '"Ja", sagte er, "morgen."',
        "\u201eNein\u201c und \"doch\" und 5''",
        '"\u0414\u0430" \u2014 \u0441\u043a\u0430\u0437\u0430\u043b \u043e\u043d',
        '"never closed',
        '"closed at the end"',
        'a ""doubled"" one',
        '"',
    ],
)
def test_a_quote_in_tsv_is_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.tsv").write_text(f"n\ttext\tlang\n1\t{text}\ten\n2\t{text}\tx\n", "utf-8")
    assert [document.text for document in documents(tmp_path / "a.tsv")] == [text, text]


def test_quoting_is_an_option_for_both(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('text\tn\n"two\nlines, ""so"""\t1\n')
    (document,) = documents(tmp_path / "a.tsv", quoting="yes")
    assert document.text == 'two\nlines, "so"'
    (tmp_path / "a.csv").write_text('text;n\n"Yes" is what she said;1\n')
    (document,) = documents(tmp_path / "a.csv", quoting="no")
    assert document.text == '"Yes" is what she said'


@pytest.mark.parametrize("row", ['"a" b,1', '"a"b"",1', '"a\n"b,1', '1,"x"y'])
def test_a_row_that_is_not_quoted_as_the_standard_has_it_is_listed(
    tmp_path: Path, row: str
) -> None:
    (tmp_path / "a.csv").write_text(f'text,n\nbefore,1\n{row}\n"after, all",2\n')
    found = texts_and_reasons(outcomes(tmp_path / "a.csv"))
    assert found[0] == "before" and found[-1] == "after, all"
    assert found[1].startswith("! text after the closing quote of column")


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_backslashes_before_quotes_are_found_in_the_first_rows(
    tmp_path: Path, delimiter: str
) -> None:
    rows = [
        (
            '"Il a dit \\"oui\\"' + delimiter + ' puis rien."',
            f'Il a dit "oui"{delimiter} puis rien.',
        ),
        ('"\\"\u597d\\""', '"\u597d"'),
        ('"C:\\\\new \\n stays"', "C:\\new \\n stays"),
        ('"two\nlines \\"x\\""', 'two\nlines "x"'),
    ]
    table = [f"id{delimiter}text", *(f"{n}{delimiter}{row}" for n, (row, _) in enumerate(rows))]
    (tmp_path / "a.csv").write_text("\r\n".join(table) + "\r\n", "utf-8", newline="")
    assert [document.text for document in documents(tmp_path / "a.csv")] == [x for _, x in rows]


def test_a_backslash_at_the_end_of_a_field_is_text_where_quotes_are_doubled(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,n\n"C:\\dir\\",1\n"the ""D:\\"" disk",2\n')
    texts = [document.text for document in documents(tmp_path / "a.csv")]
    assert texts == ["C:\\dir\\", 'the "D:\\" disk']
    with_escape = texts_and_reasons(outcomes(tmp_path / "a.csv", escape="backslash"))
    assert with_escape[0].startswith("!")


def test_tables_without_a_header_have_numbers_or_given_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('1|"Hello, you"\n2|Bye; now\n')
    found = documents(tmp_path / "a.csv", header="no", text_field="2")
    assert [(d.text, d.metadata["1"]) for d in found] == [("Hello, you", "1"), ("Bye; now", "2")]
    found = documents(tmp_path / "a.csv", header="id,text", delimiter="pipe")
    assert [(d.text, d.id) for d in found] == [("Hello, you", "1"), ("Bye; now", "2")]
    (reason,) = texts_and_reasons(outcomes(tmp_path / "a.csv", header="no"))
    assert "--text-field must be the number" in reason


def test_no_column_is_lost_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",text,x,x,\n0,hello,1,2,\n")
    (document,) = documents(tmp_path / "a.csv")
    fields = {k: document.metadata[k] for k in ("1", "x", "x.4", "5")}
    assert fields == {"1": "0", "x": "1", "x.4": "2", "5": ""}
    (tmp_path / "b.csv").write_text("text,text\na,b\n")
    assert texts_and_reasons(outcomes(tmp_path / "b.csv")) == ["! more than one column 'text'"]


def test_the_line_for_spreadsheets_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfsep=;\r\ntext;n\r\na,b;1\r\n")
    (document,) = documents(tmp_path / "a.csv")
    assert document.text == "a,b" and document.metadata["offset"] == 18


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-be", "utf-32", "shift_jis"])
def test_tables_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    texts = (
        ["\u8868\u793a\u3001\u30bd", "a\u0a0a\u0d0a"]
        if encoding != "cp1252"
        else ["na\u00efve \u2013"]
    )
    texts = texts[:1] if encoding == "shift_jis" else texts
    rows = "".join(f'{n},"{text}, ""x""\n2"\r\n' for n, text in enumerate(texts))
    data = ("n,text\r\n" + rows).encode(encoding)
    (tmp_path / "a.csv").write_bytes(data)
    chosen = {} if encoding.startswith("utf") else {"encoding": encoding}
    found = documents(tmp_path / "a.csv", **chosen)
    assert [document.text for document in found] == [f'{text}, "x"\n2' for text in texts]
    for number, document in enumerate(found):
        offset = document.metadata["offset"]
        unmarked = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)
        assert data[offset:].startswith(f"{number},".encode(unmarked))


def test_bytes_that_the_chosen_encoding_lacks_cost_one_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text,n\ncaf\xe9,1\n\x81,2\n")
    first, second = texts_and_reasons(outcomes(tmp_path / "a.csv", encoding="windows-1252"))
    assert first == "caf\u00e9" and second.startswith("! not CP1252")
