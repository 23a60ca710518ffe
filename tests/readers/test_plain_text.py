import gzip
from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import find_documents
from lmkit.readers.dispatch import read_slice


def read(path: Path, limit: int = 1_000) -> Document | Unreadable:
    (part,) = find_documents([path], formats=("text",)).slices
    (outcome,) = read_slice(part, [], max_record=limit)
    return outcome


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst", "a.TXT"])
def test_a_file_is_a_document(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    document = read(tmp_path / name)
    assert isinstance(document, Document)
    assert (document.text, document.source) == ("one\r\ntwo", name)
    assert document.metadata == {"origin": name, "offset": 0}


def test_a_compressed_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"text"))
    document = read(tmp_path / "a.txt.gz")
    assert isinstance(document, Document) and document.text == "text"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"caf\xe9", "not UTF-8: unexpected end of data"),
        ("a.txt", b"\x89PNG\r\n", "a PNG picture"),
        ("a.txt", bytes(range(99)) * 2 + bytes(99), "binary data, or UTF-16"),
        ("a.txt", b"x" * 1_001, "longer than --max-record (1,000 bytes)"),
        ("a.txt.gz", b"plain", "not what its name says"),
        ("a.txt.gz", gzip.compress(b"text", mtime=0)[:-3], "truncated"),
        ("a.txt.gz", gzip.compress(b"x" * 2_000_000, mtime=0), "longer than --max-record"),
        ("a.txt.zst", b"", "empty"),
    ],
)
def test_an_unreadable_file_has_a_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    unreadable = read(tmp_path / name)
    assert isinstance(unreadable, Unreadable)
    assert reason in unreadable.reason
