import errno
import pickle
from pathlib import Path

import pytest

from lmkit.storage.atomic_files import atomic_write, sha256


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a", tmp_path) as path:
        path.write_text("whole")
        assert not (tmp_path / "a").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_file_does_not_appear_when_writing_it_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "a", tmp_path) as path:
        path.write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_the_fingerprint_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")  # FIPS 180-2, appendix B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "a") == digest


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left") as error,
        atomic_write(tmp_path / "out", tmp_path),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(tmp_path / "out")
    assert pickle.loads(pickle.dumps(error.value)).filename == error.value.filename
