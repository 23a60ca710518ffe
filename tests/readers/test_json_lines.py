import bz2
import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import find_documents
from lmkit.readers.dispatch import read_slice
from tests.readers.reading import documents, outcomes, texts_and_reasons


def read(path: Path, **options: str) -> list[Document | Unreadable]:
    (part,) = find_documents([path], formats=("jsonl",)).slices
    return list(read_slice(part, [], max_record=1_000, **options))


def test_a_record_keeps_all_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    fields = {"id": 7, "text": "x", "source": "web", "metadata": {"date": 1}, "url": "u"}
    path.write_text("\n" + json.dumps(fields) + "\n")
    (document,) = read(path)
    metadata = {"origin": "a.jsonl", "offset": 1, "url": "u", "date": 1}
    assert document == Document("7", "x", "web", metadata)
    (relabelled,) = read(path, source="mine")
    assert relabelled.source == "mine"


def test_a_record_without_an_id_gets_one_from_its_location(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\n{"text": "x"}\n')
    one, two = read(path)
    assert isinstance(one, Document) and isinstance(two, Document)
    assert one.id != two.id and len(one.id) == 32
    assert two.metadata["offset"] == 14


def test_the_text_may_have_another_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"body": "x"}\n')
    (document,) = read(path, text_field="body")
    assert isinstance(document, Document) and document.text == "x"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{oops", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"body": "x"}', "no field 'text'"),
        (b'{"text": 3}', "'text' is not a text"),
        (b'{"text": "caf\xe9"}', "not UTF-8"),
        (b'{"text": "x", "m": ' + b"[" * 101 + b"]" * 101 + b"}", "nested deeper than 100"),
        (b"[" * 990 + b"]" * 9, "not JSON"),
        (b'{"text": NaN}', "'text' is not a text"),
        (b'{"text": -Infinity}', "'text' is not a text"),
        (b'{"text": ' + b"9" * 900 + b"}", "'text' is not a text"),
        (b'{"text": "' + b"x" * 1_000 + b'"}', "longer than --max-record"),
    ],
)
def test_a_bad_line_is_reported_and_the_lines_around_it_are_kept(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "before"}\n' + line + b'\n{"text": "after"}')
    before, bad, after = read(path)
    assert isinstance(before, Document) and isinstance(after, Document)
    assert isinstance(bad, Unreadable)
    assert reason in bad.reason and bad.offset == 19


def test_a_truncated_archive_keeps_the_records_before(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    data = gzip.compress(b"".join(b'{"text": "%d"}\n' % (n * n) for n in range(9_999)))
    path.write_bytes(data[:-9])
    *documents, rest = read(path)
    assert len(documents) > 9_000
    assert isinstance(rest, Unreadable) and "truncated" in rest.reason


def test_a_file_in_another_format_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(b'{"text": "x"}\n' * 99))
    (unreadable,) = read(path)
    assert isinstance(unreadable, Unreadable) and "gzip data" in unreadable.reason


def test_ids_and_sources_of_other_types_are_kept_as_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x", "id": [1], "source": 7}')
    (document,) = read(path)
    assert isinstance(document, Document)
    assert (document.metadata["id"], document.metadata["source"]) == ([1], 7)
    assert len(document.id) == 32 and document.source == "a.jsonl"


def test_a_stray_nul_costs_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a\0b"}\n' + b'{"text": "fine"}\n' * 20)
    bad, *good = read(path)
    assert isinstance(bad, Unreadable) and len(good) == 20


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst", "jsonl.bz2"])
def test_the_division_of_a_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    lines = [json.dumps({"text": f"{n} " + "ab" * (n % 90)}).encode() + b"\n" for n in range(400)]
    compress = {"gz": gzip.compress, "zst": zstandard.compress, "bz2": bz2.compress}.get(
        ending.rpartition(".")[2], bytes
    )
    # Members end inside of lines, and at line ends.
    data = b"".join(lines)
    edges = [0, *range(500, len(data), 977), len(data)]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"".join(compress(data[a:b]) for a, b in pairwise(edges)))
    whole = documents(path)
    assert [document.text for document in whole] == [json.loads(line)["text"] for line in lines]
    for size in (997, 7_001):
        monkeypatch.setattr("lmkit.artifacts.options.RANGE_BYTES", size)
        assert documents(path, shard_bytes=size) == whole


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    parts = [gzip.compress(b'{"text": "%d"}\n' % n) for n in range(5)]
    broken = bytearray(parts[2])
    broken[-5] ^= 1
    (tmp_path / "a.jsonl.gz").write_bytes(b"".join([*parts[:2], broken, *parts[3:]]))
    found = texts_and_reasons(outcomes(tmp_path / "a.jsonl.gz"))
    assert [text for text in found if not text.startswith("!")] in (
        ["0", "1", "3", "4"],
        ["0", "1", "2", "3", "4"],  # its line was complete before the checksum failed
    )
    assert sum("damaged" in text for text in found) == 1
