import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmkit.cli import main
from tests.readers.reading import documents, outcomes, texts_and_reasons

ROWS: list[dict[str, Any]] = [
    {"id": "1", "title": "Leuchtturm", "body": {"text": "Er steht."}, "year": 1873},
    {"id": "2", "title": "\u706f\u5854", "body": {"text": "\u5b83\u7ad9\u7740\u3002"}, "year": 2},
]


def write(path: Path) -> Path:
    ending = path.suffix
    flat = [{**row, "body.text": row["body"]["text"]} for row in ROWS]
    if ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif ending == ".json":
        path.write_text(json.dumps(ROWS))
    elif ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        mark = "," if ending == ".csv" else "\t"
        names = ["id", "title", "body.text", "year"]
        lines = [mark.join(names), *(mark.join(str(row[n]) for n in names) for row in flat)]
        path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_a_text_is_made_of_fields_of_every_kind_of_record(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a.{ending}")
    found = documents(path, text_template=r"{title} {{{year}}}\n\n{body.text}")
    assert [document.text for document in found] == [
        "Leuchtturm {1873}\n\nEr steht.",
        "\u706f\u5854 {2}\n\n\u5b83\u7ad9\u7740\u3002",
    ]
    assert [document.id for document in found] == ["1", "2"]
    assert "title" not in found[0].metadata


def test_a_missing_field_lists_the_record_unless_it_is_optional(tmp_path: Path) -> None:
    rows = [
        {"t": "A", "b": "x"},
        {"b": "y"},
        {"t": None, "b": "z"},
        {"t": " ", "b": "w"},
        {"t": "B"},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    strict = texts_and_reasons(outcomes(tmp_path / "a.jsonl", text_template="{t}\n{b}"))
    missing = [f"! the field {name!r} is missing or empty" for name in "tttb"]
    assert strict == ["A\nx", *missing]
    loose = texts_and_reasons(outcomes(tmp_path / "a.jsonl", text_template="{t?}\n{b}"))
    assert loose == ["A\nx", "y", "z", "w", missing[3]]


def test_what_is_no_text_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": ["x"]}\n{"a": true}\n{"a": NaN}\n')
    found = texts_and_reasons(outcomes(tmp_path / "a.jsonl", text_template="{a}"))
    assert found == ["! 'a' is not a text"] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text-template", "{a}{"], "got {a}{: a single brace"),
        (["--text-template", "no field"], "no field; must name one"),
        (["--text-template", "{a}{ }"], "without the name of a field"),
        (["--text-template", "{a}", "--text-field", "b"], "cannot be used with --text-field b"),
        (["--text-template", "{a}"], "is read as text, which has no fields"),
    ],
)
def test_a_template_that_cannot_work_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    (tmp_path / "a.txt").write_text("text")
    typed = ["clean", str(tmp_path / "a.txt"), "--output", str(tmp_path / "out"), *options]
    assert main(typed) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
