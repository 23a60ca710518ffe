import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lmkit.artifacts import documents_parquet
from lmkit.artifacts.documents_file import Document, read_shard
from lmkit.artifacts.documents_parquet import ParquetDocuments, restored
from lmkit.errors import LmkitError
from lmkit.storage.byte_ranges import Range
from tests.readers.reading import documents as read_as_raw

ODD: list[dict[str, Any]] = [
    {},
    {"score": 1, "tags": ["a", None], "nested": {"é": {"b": 2**70}}},
    {"score": "1", "tags": "a", "nested": [1.5, True], "\x00": "\x00", "none": None},
    {"score": 1.0, "half a pair": "\udc80", "big": -(2**63), "origin": "o"},
]
DOCUMENTS = [
    Document("1", "", "here", ODD[0]),
    Document("\x00", "a\x00b\r\n\u2028 é 😀", "there", ODD[1]),
    Document("half \ud800", "a pair \udfff\ud83d, and \\ud800 typed", "s\ud800", ODD[2]),
    Document("1", "long " * 300_000, "", ODD[3]),
]


def write(path: Path, documents: list[Document]) -> Path:
    file = ParquetDocuments(path)
    for document in documents:
        file.write(document.record())
    file.close()
    assert file.count == len(documents)
    return path


def read(path: Path) -> list[Document]:
    with Range(path, 0, path.stat().st_size) as source:
        return list(read_shard(source, path))


def test_documents_are_read_as_they_were_written_whatever_they_hold(tmp_path: Path) -> None:
    path = write(tmp_path / "documents-00000.parquet", DOCUMENTS)
    assert read(path) == DOCUMENTS
    types = [[type(value) for value in document.metadata.values()] for document in read(path)]
    assert types == [[type(value) for value in metadata.values()] for metadata in ODD]


def test_every_file_has_the_same_columns_also_one_without_documents(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.parquet", DOCUMENTS[:n]) for n in range(5)]
    assert len({pq.read_schema(path).serialize().to_pybytes() for path in paths}) == 1
    assert read(paths[0]) == []
    (columns,) = {tuple(pq.read_table(path).column_names) for path in paths}
    assert columns == ("id", "text", "source", "metadata", "escaped")


def test_other_programs_see_a_backslash_escape_where_utf_8_has_no_character(tmp_path: Path) -> None:
    rows = pq.read_table(write(tmp_path / "a.parquet", DOCUMENTS)).to_pylist()
    assert rows[2]["id"] == "half \\ud800"
    assert json.loads(rows[2]["escaped"])["source"] == "s\ud800"
    assert [row["escaped"] is None for row in rows] == [True, True, False, True]
    assert [json.loads(row["metadata"]) for row in rows] == ODD


def test_the_same_documents_are_the_same_bytes_and_row_groups_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_parquet, "GROUP_CHARACTERS", 1_000)
    monkeypatch.setattr(documents_parquet, "GROUP_ROWS", 30)
    documents = [Document(str(n), "x" * (300 if n < 40 else 1), "s", {}) for n in range(100)]
    first, second = (write(tmp_path / f"{n}.parquet", documents) for n in range(2))
    assert first.read_bytes() == second.read_bytes()
    found = pq.read_metadata(first)
    rows = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    assert rows == [4] * 10 + [30, 30]
    assert read(first) == documents


def test_texts_are_not_copied_into_the_statistics(tmp_path: Path) -> None:
    group = pq.read_metadata(write(tmp_path / "a.parquet", DOCUMENTS)).row_group(0)
    assert [group.column(n).is_stats_set for n in range(5)] == [True, False, True, False, False]
    assert {group.column(n).compression for n in range(5)} == {"ZSTD"}


def test_a_column_that_parquet_cannot_hold_is_an_error_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_parquet, "MAX_COLUMN_BYTES", 1_000)
    with pytest.raises(
        LmkitError, match=r"a column of 1,500,\d+ bytes; must be 1,000 at most"
    ) as error:
        write(tmp_path / "a.parquet", DOCUMENTS)
    assert error.value.hint and "jsonl.zst" in error.value.hint


def test_a_damaged_file_is_an_error_and_not_a_shorter_corpus(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    documents = [Document(str(n), f"some text {n}", "s", {"n": n}) for n in range(999)]
    write(path, documents)
    errors = 0
    data = path.read_bytes()
    flipped = [bytearray(data) for _ in range(40)]
    for number, copy in enumerate(flipped):
        copy[len(data) * number // 50] ^= 1  # pages; the footer has no checksum
    for broken in (*flipped[1:], data[: len(data) // 2], b"", b"text"):
        path.write_bytes(broken)
        try:
            assert read(path) == documents  # not every bit of a page's header has a meaning
        except LmkitError as error:
            assert "damaged since lmkit wrote it" in str(error)
            errors += 1
    assert errors > 30


def test_a_file_that_another_program_wrote_is_not_taken_for_documents(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", DOCUMENTS[:3])
    table = pq.read_table(tmp_path / "a.parquet")
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "b.parquet")
    with pytest.raises(LmkitError, match="it has other columns"):
        read(tmp_path / "b.parquet")
    assert read_as_raw(tmp_path / "b.parquet")[1].metadata["metadata"] == json.dumps(
        ODD[1], ensure_ascii=False, separators=(",", ":")
    )


def test_a_single_file_is_read_like_one_of_json_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "documents-00007.parquet", DOCUMENTS)
    found = read_as_raw(path, max_record=10_000_000)
    assert [document.text for document in found] == [document.text for document in DOCUMENTS]
    ids = [(document.id, document.source) for document in DOCUMENTS[:3]]
    assert [(document.id, document.source) for document in found[:3]] == ids
    assert found[3].source == path.name  # as of any record whose source is empty
    for document, metadata in zip(found, ODD, strict=True):
        assert {key: document.metadata[key] for key in metadata} == metadata
        assert document.metadata.keys() - metadata.keys() <= {"origin", "offset", "record"}


@pytest.mark.parametrize(
    "escaped", ['{"text": 5}', '{"other": "x"}', "[]", '{"id": null}'], ids=repr
)
def test_what_stands_in_for_a_text_must_be_one(escaped: str) -> None:
    row = {"id": "1", "text": "a", "source": "s", "metadata": "{}", "escaped": escaped}
    with pytest.raises(ValueError, match=r"escaped|JSON object"):
        restored(row)
    assert restored({**row, "escaped": '{"text": "b"}'})["text"] == "b"
