import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmkit.readers.records.likely_text_field import likely_text_field
from tests.conftest import Lmkit

TEXT = "The lighthouse stood on a rock, and nobody had lived in it for years."
ROWS = [{"prose": f"{TEXT} {number}", "year": number, "url": "http://a"} for number in range(3)]


@pytest.mark.parametrize(
    ("strings", "field"),
    [
        (["title", "body"], "body"),
        (["body", "content"], "content"),
        (["TEXT", "url"], "TEXT"),
        (["prose"], "prose"),
        (["id", "url", "prose"], "prose"),
        (["question", "answer"], None),
        (["url"], None),
        ([], None),
    ],
)
def test_a_field_is_likely_by_its_name_or_alone(strings: list[str], field: str | None) -> None:
    assert likely_text_field("text", strings) == field


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def write_lines(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))


def write_list(path: Path) -> None:
    path.write_text(json.dumps(ROWS))


def write_csv(path: Path) -> None:
    path.write_text("prose,year,url\n" + "".join(f'"{r["prose"]}",1,http://a\n' for r in ROWS))


WRITERS: dict[str, Any] = {
    **{"a.parquet": write_parquet, "a.jsonl": write_lines, "a.json": write_list, "a.csv": write_csv}
}


@pytest.mark.parametrize("name", WRITERS)
def test_where_all_texts_are_in_another_field_the_command_ends_with_its_name(
    here: Path, lmkit: Lmkit, name: str
) -> None:
    WRITERS[name](Path(name))
    exit_code, _, err = lmkit("clean", name, "--output", "out")
    assert exit_code == 1 and "; try --text-field prose" in err
    first = err[err.index("Error:") :]
    assert "out: nothing could be read" in first
    assert "Hint: try --text-field prose; see why in out/quarantine-*" in first
    typed = ("--text-field", "prose", "--overwrite")
    exit_code, _, err = lmkit("clean", name, "--output", "out", *typed)
    assert exit_code == 0, err


def test_files_with_different_fields_have_no_one_cure(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text('{"content": "a"}\n')
    Path("b.jsonl").write_text('{"body": "b"}\n')
    exit_code, _, err = lmkit("clean", "a.jsonl", "b.jsonl", "--output", "out")
    assert exit_code == 1 and "try --text-field content" in err
    assert "Hint: see why in out/quarantine" in err


def test_a_field_of_another_type_is_not_suggested(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text('{"n": 1, "items": ["x"]}\n')
    exit_code, _, err = lmkit("clean", "a.jsonl", "--output", "out")
    assert exit_code == 1 and "no field 'text'" in err and "try --text-field" not in err
