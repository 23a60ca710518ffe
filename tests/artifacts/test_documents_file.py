from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import (
    Document,
    JsonLinesFile,
    RecordsFile,
    Rejected,
    Unreadable,
    read_shard,
    write_outcomes,
)
from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import LmkitError
from lmkit.storage.byte_ranges import Range
from tests.conftest import records


def document(text: str) -> Document:
    return Document("1", text, "here", {"é": "\u2028"})


def test_documents_are_read_as_they_were_written(tmp_path: Path) -> None:
    documents = [document("é\n\u2028 2"), document("half a pair: \ud800"), document("")]
    file = JsonLinesFile(tmp_path / "a")
    for item in documents:
        file.write(item.record())
    file.close()
    with Range(tmp_path / "a", 0, (tmp_path / "a").stat().st_size) as source:
        assert list(read_shard(source, tmp_path / "a")) == documents


def test_every_outcome_is_written_and_counted(tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    writer = TaskWriter(tmp_path, "x", 0)
    lost = Unreadable("here", "a.txt", 5, 0, "not UTF-8")
    outcomes = [document("kept"), Rejected(document("bad"), "too_bad"), lost]
    write_outcomes(writer, outcomes, keep_rejected=lambda _: True)
    writer.counts.check()
    assert (writer.counts.documents_in, writer.counts.documents_out) == (3, 1)
    assert [record["text"] for record in records(tmp_path)] == ["kept"]
    assert [record["reason"] for record in records(tmp_path, "rejected")] == ["too_bad"]
    assert [record["origin"] for record in records(tmp_path, "quarantine")] == ["a.txt"]


def test_a_damaged_shard_is_an_error_and_not_a_shorter_corpus(tmp_path: Path) -> None:
    path = tmp_path / "a"
    file = JsonLinesFile(path)
    for _ in range(999):
        file.write(document("some text").record())
    file.close()
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    for broken in (data, data[: len(data) // 2], b"", b"text"):
        path.write_bytes(broken)
        with Range(path, 0, len(broken)) as source, pytest.raises(LmkitError, match="damaged"):
            list(read_shard(source, path))


def test_a_file_of_records_is_created_when_the_first_is_written(tmp_path: Path) -> None:
    writer = TaskWriter(tmp_path, "documents", 3)
    writer.partial.mkdir()
    with RecordsFile(writer, "cuts") as some, RecordsFile(writer, "duplicates"):
        for number in range(2):
            some.write({"n": number})
    assert records(tmp_path, "cuts") == [{"n": 0}, {"n": 1}]
    (output,) = writer.finish().outputs
    assert (output.name, output.counts) == ("cuts-00003.jsonl.zst", {"records": 2})
    with pytest.raises(ValueError), RecordsFile(writer, "broken") as broken:
        broken.write({"n": 1})
        raise ValueError
    assert not list(tmp_path.glob("broken*"))
