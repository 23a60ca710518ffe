import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.inputs import find_documents
from lmkit.readers.dispatch import read_slice
from tests.readers.reading import documents, documents_and_counts, outcomes, texts_and_reasons

RECORDS: list[dict[str, Any]] = [
    {"id": "a", "text": 'Der "Turm" \\ {[', "n": [1, {"x": "]}"}]},
    {"id": "b", "text": "\u706f\u5854\u3002\n\u4e8c\u884c", "n": None},
    {"id": "c", "text": "\u043c\u0430\u044f\u043a \U0001f600", "n": 1.5},
]
TEXTS = [record["text"] for record in RECORDS]
COMPACT = json.dumps(RECORDS, ensure_ascii=False)
INDENTED = json.dumps(RECORDS, indent=2)
FORMS = {
    "list": COMPACT,
    "indented": INDENTED,
    "objects over lines": "\n".join(json.dumps(record, indent=1) for record in RECORDS),
    "objects side by side": "".join(json.dumps(record) for record in RECORDS),
    "objects with commas": ",\n".join(json.dumps(record, indent=1) for record in RECORDS),
    "a JSON sequence": "".join(f"\x1e{json.dumps(record)}\n" for record in RECORDS),
    "two lists": f"{json.dumps(RECORDS[:1])}\n{json.dumps(RECORDS[1:])}",
    "data": json.dumps({"version": 1, "data": RECORDS, "next": None}),
    "rows": json.dumps({"rows": RECORDS, "features": [{"name": "text"}]}, indent=4),
    "any name": json.dumps({"meta": {"tags": ["x"]}, "entries": RECORDS}),
    "nested": json.dumps({"response": {"status": "ok", "docs": RECORDS}}),
    "pages": "\n".join(json.dumps({"items": [record], "more": True}) for record in RECORDS),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["json", "json.gz", "json.zst"])
def test_records_are_found_in_every_form(tmp_path: Path, form: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    data = FORMS[form].encode()
    compress = {"gz": gzip.compress, "zst": zstandard.compress}.get(ending[5:], bytes)
    path.write_bytes(compress(data))
    # A page a line: each is a record by its name, and a list in fact.
    found = documents(path, forced="json" if form == "pages" else None)
    assert [document.text for document in found] == TEXTS
    assert [document.id for document in found] == ["a", "b", "c"]
    assert [document.metadata["n"] for document in found] == [record["n"] for record in RECORDS]
    if ending == "json":
        for document in found:
            assert data[document.metadata["offset"] :].startswith(b"{")
    else:
        locations = [(d.metadata["offset"], d.metadata["record"]) for d in found]
        assert locations == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("form", ["list", "indented", "data"])
def test_encodings_keep_the_offsets_of_the_file(tmp_path: Path, form: str, encoding: str) -> None:
    data = FORMS[form].encode(encoding)
    (tmp_path / "a.json").write_bytes(data)
    found = documents(tmp_path / "a.json", forced="json")
    assert [document.text for document in found] == TEXTS
    plain = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}
    for document in found:
        start = data[document.metadata["offset"] :].decode(plain.get(encoding, encoding))
        value, _ = json.JSONDecoder().raw_decode(start)
        assert value["text"] == document.text


def test_a_list_called_jsonl_is_read_as_a_list(tmp_path: Path) -> None:
    for name, form in (
        ("a.jsonl", "list"),
        ("b.jsonl", "indented"),
        ("c.ndjson", "objects over lines"),
    ):
        (tmp_path / name).write_text(FORMS[form])
        assert [document.text for document in documents(tmp_path / name)] == TEXTS


def test_how_the_file_is_divided_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_text(INDENTED)
    (tmp_path / "b.jsonl").write_bytes(
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in RECORDS * 9).encode("utf-16")
    )
    whole = documents(tmp_path)
    assert len(whole) == 30
    for size in (7, 64, 501):
        monkeypatch.setattr("lmkit.artifacts.options.RANGE_BYTES", size)
        monkeypatch.setattr("lmkit.artifacts.inputs.RANGE_BYTES", size)
        assert documents(tmp_path, shard_bytes=size) == whole


def test_texts_in_a_list_are_documents(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('["one", "zwei", 3, null, ["four"], "\u4e94"]', "utf-8")
    assert texts_and_reasons(outcomes(tmp_path / "a.json")) == [
        *("one", "zwei"),
        *("! not a JSON object",) * 3,
        "\u4e94",
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"text": "x" "y": 1}', "! not JSON"),
        ('{"text": 7}', "! 'text' is not a text"),
        ('{"body": "x"}', "! no field 'text'"),
        ('{"text": "' + "x" * 2_000 + '"}', "! longer than --max-record"),
        ('{"text": "a", "z": ' + "[" * 300 + "]" * 300 + "}", "! nested deeper"),
    ],
)
def test_a_bad_record_costs_one_record(tmp_path: Path, bad: str, reason: str) -> None:
    (tmp_path / "a.json").write_text(f'[{{"text": "before"}}, {bad}, {{"text": "after"}}]')
    before, found, after = texts_and_reasons(outcomes(tmp_path / "a.json", max_record=1_000))
    assert (before, after) == ("before", "after") and found.startswith(reason)


@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "a"}, {"text": "b"}, {"text": "c',
        '[{"text": "a"}, {"text": "b"}, ',
        '[{"text": "a"}, {"text": "b"}, {"text": "c"',
        '{"text": "a"}\n\n{"text": "b"}\nno JSON at all',
    ],
)
def test_what_is_cut_off_counts_once(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    *texts, bad = texts_and_reasons(outcomes(tmp_path / "a.json", forced="json"))
    assert texts == ["a", "b"] and bad.startswith("! ")


def test_the_list_of_records_can_be_named(tmp_path: Path) -> None:
    value = {"authors": [{"name": "x"}], "x": {"parts": [{"text": "yes"}]}}
    (tmp_path / "a.json").write_text(json.dumps(value))
    (reason,) = texts_and_reasons(outcomes(tmp_path / "a.json"))
    assert "--read.records" in reason and "authors, x.parts" in reason
    (document,) = documents(tmp_path / "a.json", records="x.parts")
    assert document.text == "yes"
    (reason,) = texts_and_reasons(outcomes(tmp_path / "a.json", records="x.none"))
    assert "no list 'x.none'" in reason


def test_a_record_with_lists_is_a_record(tmp_path: Path) -> None:
    value = {"text": "whole", "data": [{"text": "part"}], "comments": 12, "replies": []}
    (tmp_path / "a.json").write_text(json.dumps(value, indent=1))
    (document,) = documents(tmp_path / "a.json")
    assert document.text == "whole" and document.metadata["data"] == [{"text": "part"}]
    assert document.metadata["comments"] == 12


@pytest.mark.parametrize("ending", ["json", "json.gz"])
def test_a_long_list_takes_the_memory_of_one_record(tmp_path: Path, ending: str) -> None:
    record = {"text": "a b c " * 20, "n": [{"x": "y"}]}
    content = json.dumps({"info": {"n": 1}, "data": [record] * 60_000, "more": [1, 2]}).encode()
    compress = gzip.compress if ending == "json.gz" else bytes
    (tmp_path / f"a.{ending}").write_bytes(compress(content))
    count = 0
    (part,) = find_documents([tmp_path / f"a.{ending}"], formats=["json"]).slices
    tracemalloc.start()
    for outcome in read_slice(part, [], max_record=10_000):
        assert isinstance(outcome, Document)
        count += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000 and len(content) > 9_000_000
    assert peak < 5_000_000


def test_numbers_that_json_lacks_become_null_and_are_counted(tmp_path: Path) -> None:
    lines = '{"text": "a", "n": NaN, "m": {"x": [Infinity, 1, -Infinity]}, "e": 1e999}\n'
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.json").write_text(f"[{lines}]")
    found, counts = documents_and_counts(tmp_path)
    for document in found:
        assert document.metadata["n"] is None and document.metadata["e"] is None
        assert document.metadata["m"] == {"x": [None, 1, None]}
    assert counts["nan_or_infinity_to_null"] == 8
