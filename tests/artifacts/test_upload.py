import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts.manifest import read
from lmkit.artifacts.tasks import PARTIAL, Receipt, TaskWriter, finished, receipt_path
from lmkit.artifacts.upload import Upload, process_number
from lmkit.errors import LmkitError
from lmkit.storage.object_store import ObjectStore
from tests.artifacts.faulty_store import FaultyFileSystem, faulty_store


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FaultyFileSystem]]:
    with faulty_store(monkeypatch) as store:
        yield store


def written(folder: Path, upload: Upload | None) -> Receipt:
    (folder / PARTIAL).mkdir()
    writer = TaskWriter(folder, "step", 0, upload)
    with writer.file("train/a.txt") as path:
        path.write_bytes(b"abc")
    return writer.finish()


@pytest.mark.parametrize("keeps", [True, False])
def test_a_task_uploads_before_its_receipt_and_keeps_what_is_read_again(
    tmp_path: Path, faulty: type[FaultyFileSystem], keeps: bool
) -> None:
    receipt = written(tmp_path, Upload(ObjectStore("faulty://bucket/out", 1), keeps))
    assert faulty.contents("bucket/out") == {"train/a.txt": b"abc"}
    assert receipt.uploaded
    assert receipt.uploaded.md5 == {"train/a.txt": hashlib.md5(b"abc").hexdigest()}
    assert (receipt.uploaded.sent, receipt.uploaded.repeated) == (1, 0)
    assert (tmp_path / "train/a.txt").exists() == keeps
    assert finished(tmp_path, "step", 0) == receipt
    if keeps:
        (tmp_path / "train/a.txt").unlink()
        assert finished(tmp_path, "step", 0) is None


def test_a_task_whose_upload_fails_isnt_done(
    tmp_path: Path, faulty: type[FaultyFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faulty, "busy", 1)
    with pytest.raises(LmkitError, match="cannot be written"):
        written(tmp_path, Upload(ObjectStore("faulty://bucket/out", 1), keeps=True))
    assert finished(tmp_path, "step", 0) is None


def test_the_receipt_of_a_local_task_is_what_it_was(tmp_path: Path) -> None:
    written(tmp_path, None)
    path = receipt_path(tmp_path, "step", 0)
    assert b"uploaded" not in path.read_bytes()
    found: Any = read(Receipt, path)
    assert found.uploaded is None


def test_the_number_of_a_process_is_its_own() -> None:
    assert process_number(1) == process_number(1) != process_number(2)
