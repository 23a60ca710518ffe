"""Corrupt archives, bombs and deep nesting, through the command: intact data is kept."""

import bz2
import gzip
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.commands.small_books import CONTAINER, package
from tests.conftest import Lmkit, manifest, records, texts

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little, number"


def lines(start: int, stop: int, noise: bool = False) -> bytes:
    chance = random.Random(start)
    more = {"noise": chance.randbytes(2_000).hex()} if noise else {}
    records = ({"text": f"{GOOD} {number}", **more} for number in range(start, stop))
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def numbers(folder: Path) -> list[int]:
    return sorted(int(text.rpartition(" ")[2]) for text in texts(folder) if text.startswith(GOOD))


def cleaned(lmkit: Lmkit, *options: str) -> list[str]:
    """Clean `raw`; return the quarantine reasons, with the names of the files."""
    exit_code, _, err = lmkit("clean", "raw", "--output", "out", *options)
    assert exit_code == 0, err
    counts = manifest(Path("out"))["counts"]
    removed = sum(counts["dropped"].values()) + counts["quarantined"]
    assert counts["documents_in"] == counts["documents_out"] + removed
    found = records(Path("out"), "quarantine")
    assert len(found) == counts["quarantined"]
    return sorted(f"{record['origin']}: {record['reason']}" for record in found)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bz2": bz2.compress,
}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_truncated_archive_keeps_what_came_before(here: Path, lmkit: Lmkit, ending: str) -> None:
    pack = PACKERS[ending]
    Path("raw").mkdir()
    whole, last = pack(lines(0, 9)), pack(lines(9, 18))
    Path(f"raw/b.jsonl.{ending}").write_bytes(whole + last[: len(last) // 2])
    Path("raw/a.jsonl").write_bytes(lines(100, 101))
    Path("raw/c.jsonl").write_bytes(lines(200, 201))
    (reason,) = cleaned(lmkit)
    assert reason.startswith(f"b.jsonl.{ending}: truncated")
    found = numbers(Path("out"))
    assert {*range(9), 100, 200} <= {*found} <= {*range(18), 100, 200}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_corrupt_member_is_skipped(here: Path, lmkit: Lmkit, ending: str) -> None:
    pack = PACKERS[ending]
    Path("raw").mkdir()
    bad = bytearray(pack(lines(9, 18, noise=True)))
    middle = len(bad) // 2
    bad[middle : middle + 64] = bytes(byte ^ 0xFF for byte in bad[middle : middle + 64])
    data = pack(lines(0, 9)) + bytes(bad) + pack(lines(18, 27))
    Path(f"raw/b.jsonl.{ending}").write_bytes(data)
    reasons = cleaned(lmkit)
    assert reasons and all(reason.startswith(f"b.jsonl.{ending}: ") for reason in reasons)
    found = numbers(Path("out"))
    assert {*range(9), *range(18, 27)} <= {*found}
    assert len(found) == len({*found})


def warc_record(number: int, length: str | None = None) -> bytes:
    page = f"<html><body><main><p>{GOOD} {number}</p></main></body></html>".encode()
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:{number:032x}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        f"WARC-Target-URI: http://x.org/{number}\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http) if length is None else length}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


@pytest.mark.parametrize("length", ["10", "99999999", "-5", "many", ""])
def test_a_record_of_a_wrong_length_loses_only_itself(
    here: Path, lmkit: Lmkit, length: str
) -> None:
    Path("raw").mkdir()
    parts = [warc_record(0), warc_record(1, length), warc_record(2)]
    Path("raw/a.warc.gz").write_bytes(b"".join(map(gzip.compress, parts)))
    reasons = cleaned(lmkit)
    found = numbers(Path("out"))
    assert {0, 2} <= {*found}
    assert reasons or 1 in found


def test_a_truncated_warc_keeps_its_complete_records(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    members = [gzip.compress(warc_record(number)) for number in range(4)]
    data = b"".join(members)
    Path("raw/a.warc.gz").write_bytes(data[: -len(members[-1]) // 2])
    (reason,) = cleaned(lmkit)
    assert reason.startswith("a.warc.gz: ")
    assert numbers(Path("out")) == [0, 1, 2]


BILLION = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))


@pytest.mark.parametrize(
    ("kind", "inside", "reason"),
    [
        ("wikipedia", "<page><title>&l9;</title></page>", "XML bombs"),
        (
            "stackexchange",
            '<row Id="1" PostTypeId="1" Title="t" Body="&l9;" />',
            "undefined entity",
        ),
    ],
)
def test_an_entity_bomb_is_listed_and_never_expanded(
    here: Path, lmkit: Lmkit, kind: str, inside: str, reason: str
) -> None:
    Path("a.xml").write_text(f'<?xml version="1.0"?><!DOCTYPE x [{BILLION}]><x>\n{inside}\n</x>')
    exit_code, _, err = lmkit("clean", "a.xml", "--format", kind, "--output", "out")
    assert exit_code == 1 and "nothing could be read" in err
    (bad,) = records(Path("out"), "quarantine")
    assert reason in bad["reason"]


def test_zip_and_gzip_bombs_are_listed_in_bounded_memory(here: Path) -> None:
    Path("raw").mkdir()
    with zipfile.ZipFile("raw/b.epub", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("b.opf", package("a"))
        book.writestr("a.xhtml", b"<html><body><p>" + b"a" * 400_000_000)
    with gzip.open("raw/c.jsonl.gz", "wb", compresslevel=1) as file:
        file.write(lines(0, 2) + b'{"text": "')
        for _ in range(100):
            file.write(b"a" * 4_000_000)
        file.write(b'"}\n' + lines(2, 4))
    code = """
import sys
from pathlib import Path
from lmkit.cli import main
code = main(["clean", "raw", "--output", "out"])
# Not ru_maxrss: that starts from the memory of the parent process.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < 600_000
    reasons = sorted(record["reason"] for record in records(Path("out"), "quarantine"))
    assert len(reasons) == 2 and all("--max-record" in reason for reason in reasons)
    assert numbers(Path("out")) == [0, 1, 2, 3]


def test_extreme_nesting_is_listed(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    deep = "<div>" * 100_000 + GOOD + "</div>" * 100_000
    Path("raw/deep.html").write_text(f"<html><body>{deep}</body></html>")
    nested = b'{"text": "x", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    Path("raw/a.jsonl").write_bytes(lines(0, 1) + nested + lines(1, 2))
    first, second = cleaned(lmkit)
    assert first.startswith("a.jsonl: ") and "elements inside one another" in second
    assert numbers(Path("out")) == [0, 1]


def test_files_with_a_wrong_extension_are_listed(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    for name in ("a.epub", "b.parquet", "c.warc.gz", "d.jsonl.bz2", "e.jsonl.zst", "f.arrow"):
        Path("raw", name).write_bytes(b"nothing of the kind\n" * 9)
    Path("raw/g.jsonl").write_bytes(lines(0, 1))
    reasons = cleaned(lmkit)
    assert [reason.split(": ")[0] for reason in reasons] == [
        *("a.epub", "b.parquet", "c.warc.gz", "d.jsonl.bz2", "e.jsonl.zst", "f.arrow")
    ]
    assert numbers(Path("out")) == [0]
