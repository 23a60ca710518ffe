import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from random import Random

import pytest

from lmkit.artifacts.documents_file import Document, Unreadable
from tests.readers.reading import documents, documents_and_counts, outcomes, texts_and_reasons

FILES = {
    "a/one.txt": "Der Turm \u2014 eins.".encode(),
    "a/b/two.jsonl": b'{"text": "zwei", "id": "z"}\n{"text": "drei"}\n',
    "three.csv.gz": gzip.compress("text,n\n\u706f\u5854,1\n".encode()),
    "four.json": b'[{"text": "vier"}]',
    "five.py": b"x = 5\n",
    "six.ipynb": json.dumps({"cells": [{"cell_type": "markdown", "source": ["sechs"]}]}).encode(),
}
TEXTS = ["Der Turm \u2014 eins.", "zwei", "drei", "\u706f\u5854", "vier", "x = 5\n", "sechs"]
MODES = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}


def words(seed: int) -> bytes:
    return Random(seed).randbytes(20_000).hex().encode()


def write(path: Path, files: dict[str, bytes]) -> Path:
    ending = path.name.partition(".")[2]
    if ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in files.items():
                file.writestr(name, data)
        return path
    with tarfile.open(path, MODES[ending]) as file:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            file.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize("ending", ["zip", *MODES])
def test_members_are_read_as_files_are(tmp_path: Path, ending: str) -> None:
    found = documents(write(tmp_path / f"x.{ending}", FILES))
    assert [document.text for document in found] == TEXTS
    assert found[0].metadata["origin"] == f"x.{ending}!/a/one.txt"
    assert [found[n].metadata["offset"] for n in (1, 2)] == [0, 28]
    assert found[1].id == "z" and found[5].metadata["programming_language"] == "python"
    assert len({document.id for document in found}) == len(TEXTS)
    assert [document.text for document in documents(tmp_path)] == TEXTS


@pytest.mark.parametrize("ending", ["zip", "tar", "tgz"])
def test_what_cannot_be_read_is_listed_by_name(tmp_path: Path, ending: str) -> None:
    inner = write(tmp_path / "inner.zip", {"x.txt": b"x"}).read_bytes()
    files = {
        "/etc/absolute.txt": b"absolute",
        "../../up.txt": b"up",
        "photo.png": b"\x89PNG",
        "inner.zip": inner,
        "list.tar.gz": b"x",
        ".hidden/a.txt": b"x",
        "__MACOSX/._a.txt": b"x",
        "bad.txt": b"\xff\xfe\xfd",
        "n" * 300 + ".txt": b"x",
        "last.md": b"last",
    }
    folder = tmp_path / "in"
    folder.mkdir()
    path = write(folder / f"x.{ending}", files)
    found = outcomes(path)
    texts = [outcome.text for outcome in found if isinstance(outcome, Document)]
    assert texts == ["absolute", "up", "last"]
    bad = {o.origin.partition("!/")[2][-9:]: o.reason for o in found if isinstance(o, Unreadable)}
    assert bad["photo.png"] == "not a format that is read: .png"
    assert bad["inner.zip"] == bad["st.tar.gz"] == "an archive in an archive, which isn't opened"
    assert bad["bad.txt"].startswith("not UTF-16") and "too long" in bad["nnnnn.txt"]
    assert len(bad) == 5
    assert [entry.name for entry in folder.iterdir()] == [path.name]  # nothing is written there


def test_links_and_devices_of_a_tar_are_counted(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            entry = tarfile.TarInfo("link.txt")
            entry.type, entry.linkname = kind, "/etc/passwd"
            file.addfile(entry)
        entry = tarfile.TarInfo("a.txt")
        entry.size = 1
        file.addfile(entry, io.BytesIO(b"a"))
    found, counts = documents_and_counts(tmp_path / "x.tar")
    assert [document.text for document in found] == ["a"] and counts["archive_links"] == 3


def test_an_encrypted_member_is_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", {"a.txt": b"aaa", "b.txt": b"b"})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[6] |= 1  # the flag in the member's header, and in the directory
    data[directory + 8] |= 1
    path.write_bytes(data)
    assert texts_and_reasons(outcomes(path)) == ["! encrypted", "b"]


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.xz"])
def test_a_bomb_is_not_unpacked(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"x.{ending}", {"a.txt": b"a", "b.jsonl": bytes(30_000_000)})
    found = texts_and_reasons(outcomes(path, max_record=10_000))
    assert found == ["a", "! more than 200 times its compressed size"]


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_a_damaged_archive_gives_what_stands_before(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"x.{ending}", {f"{n}.txt": words(n) for n in range(9)})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    *before, last = outcomes(path)
    texts = [one.text.encode() for one in before if isinstance(one, Document)]
    assert texts == [words(n) for n in range(len(texts))]
    assert isinstance(last, Unreadable) and all(isinstance(one, Document) for one in before)
    assert len(before) >= (0 if ending == "zip" else 2)


def test_a_tar_that_ends_between_members_is_truncated(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tar", {"a.txt": b"text", "b.txt": b"text"})
    path.write_bytes(path.read_bytes()[:1024])
    assert texts_and_reasons(outcomes(path)) == ["text", "! truncated: it has no end"]


def test_a_damaged_header_in_a_tar_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tar", {f"{n}.txt": b"text" for n in range(4)})
    data = bytearray(path.read_bytes())
    data[2 * 1024 + 100] ^= 0xFF  # the third header
    path.write_bytes(data)
    found = texts_and_reasons(outcomes(path))
    assert found == ["text", "text", "! damaged: no header where a member must begin"]


def test_a_damaged_member_of_a_zip_costs_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", {"a.txt": b"aaa" * 99, "b.txt": b"b"})
    data = bytearray(path.read_bytes())
    data[37] ^= 0xFF
    path.write_bytes(data)
    bad, good = texts_and_reasons(outcomes(path))
    assert bad.startswith("! damaged") and good == "b"


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    (tmp_path / "x.tar").write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    (reason,) = texts_and_reasons(outcomes(tmp_path / "x.tar"))
    assert reason.startswith("! damaged: a header of 1,099,511,627,776 bytes")
