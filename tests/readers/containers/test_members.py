import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from lmkit.readers.containers.members import tar_members, zip_members
from lmkit.storage.byte_ranges import CorruptInput, Range

NAMES = ["a.txt", "d/\u706f.txt", "long/" * 40 + "name.txt"]


def ignore() -> None:
    pass


def test_members_of_a_zip_and_of_a_tar_are_the_same(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.mkdir("d")
        for name in NAMES:
            file.writestr(name, name.encode())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in NAMES:
            entry = tarfile.TarInfo(name)
            entry.size = len(name.encode())
            tar.addfile(entry, io.BytesIO(name.encode()))
    (tmp_path / "x.tar.zst").write_bytes(zstandard.compress(buffer.getvalue()))
    for name in ("x.zip", "x.tar.zst"):
        with Range(tmp_path / name, 0, (tmp_path / name).stat().st_size) as source:
            is_zip = name == "x.zip"
            members = zip_members(source) if is_zip else tar_members(source, "zstd", ignore)
            found = [(member.name, b"".join(member.pieces).decode()) for member in members]
        assert found == [(name, name) for name in NAMES]


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100, bytes(100)])
def test_what_is_no_archive_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    for read in (zip_members, lambda source: tar_members(source, "none", ignore)):
        with Range(tmp_path / "x", 0, len(content)) as source, pytest.raises(CorruptInput):
            list(read(source))


def test_a_member_compressed_by_another_method_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as file:
        file.writestr("a.txt", "text")
    with Range(tmp_path / "x.zip", 0, (tmp_path / "x.zip").stat().st_size) as source:
        (member,) = zip_members(source)
    assert member.refused == "compressed by method 14, must be deflate or none"
