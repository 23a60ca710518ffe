import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import LmkitError, OutputError
from lmkit.storage import object_store
from lmkit.storage.object_store import ObjectStore, StoredFile, md5
from lmkit.storage.request_retries import COUNTS
from tests.artifacts.faulty_store import FaultyFileSystem, faulty_store


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FaultyFileSystem]]:
    with faulty_store(monkeypatch) as store:
        yield store


def test_files_are_put_listed_read_and_removed(tmp_path: Path, faulty: Any) -> None:
    store = ObjectStore("faulty://bucket/out", 0)
    assert store.listing() == {} and store.read("a.txt") is None
    (tmp_path / "a.txt").write_bytes(b"abc")
    store.put(tmp_path / "a.txt", "train/a.txt")
    store.write("b.txt", b"four")
    ObjectStore("faulty://bucket/out2", 0).write("c.txt", b"next to it")
    assert store.listing() == {"train/a.txt": StoredFile(3, ""), "b.txt": StoredFile(4, "")}
    assert store.read("b.txt") == b"four"
    assert store.sha256("train/a.txt") == hashlib.sha256(b"abc").hexdigest()
    store.remove("b.txt")
    store.remove("b.txt")
    assert list(store.listing()) == ["train/a.txt"]


def test_create_keeps_what_is_there(faulty: Any) -> None:
    store = ObjectStore("faulty://bucket/out", 0)
    store.create("a", b"first")
    store.create("a", b"second")
    assert store.read("a") == b"first"


def test_a_busy_store_and_a_cut_upload_are_tried_again(
    tmp_path: Path, faulty: type[FaultyFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faulty, "busy", 3)
    monkeypatch.setattr(faulty, "cuts", 1)
    before = COUNTS.copy()
    store = ObjectStore("faulty://bucket/out", 2)
    for number in range(9):
        (tmp_path / "a").write_bytes(bytes(number))
        store.put(tmp_path / "a", f"{number}")
    assert [file.size for file in store.listing().values()] == [*range(9)]
    added = COUNTS.since(before)
    assert added.sent == faulty.counts["requests"]
    assert added.repeated == faulty.counts["refused"] + 1 > 3


def test_a_store_that_stays_busy_is_named(
    faulty: type[FaultyFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faulty, "busy", 1)
    with pytest.raises(LmkitError, match=r"faulty://bucket/out/a: cannot be written: .*rate"):
        ObjectStore("faulty://bucket/out", 2).write("a", b"")
    assert faulty.counts["requests"] == 3


def test_what_is_missing_or_unknown_is_known_before_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="fau1ty:// is not known"):
        ObjectStore("fau1ty://bucket/out", 0).connect()

    def without(*_: Any, **__: Any) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(object_store, "file_system_at", without)
    with pytest.raises(OutputError, match="Install s3fs") as error:
        ObjectStore("s3://bucket/elsewhere", 0).connect()
    assert error.value.hint and "pip install 's3fs>=" in error.value.hint


def test_the_md5_is_that_of_a_listing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert md5(tmp_path / "a") == "900150983cd24fb0d6963f7d28e17f72"  # RFC 1321, A.5
