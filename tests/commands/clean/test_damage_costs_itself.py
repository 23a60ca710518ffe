"""The data around and after corruption in files of many kinds, through the command."""

import bz2
import gzip
import json
import os
import random
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands.small_books import CONTAINER, package
from tests.conftest import Lmkit, manifest, records, texts

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little, number"
NAMES = ("0-before.jsonl", "9-after.jsonl")


def cleaned(lmkit: Lmkit, *options: str) -> list[tuple[str, str]]:
    """Clean `raw` between good files; return what was quarantined: names and reasons."""
    for name in NAMES:
        Path("raw", name).write_text(json.dumps({"text": f"{GOOD} in {name}"}))
    exit_code, _, err = lmkit("clean", "raw", "--output", "out", *options)
    assert exit_code == 0, err
    assert not any(character < " " and character != "\n" for character in err)
    counts = manifest(Path("out"))["counts"]
    gone = sum(counts["dropped"].values()) + counts["quarantined"]
    assert counts["documents_in"] == counts["documents_out"] + gone
    assert {f"{GOOD} in {name}" for name in NAMES} <= set(texts(Path("out")))
    return [(bad["origin"], bad["reason"]) for bad in records(Path("out"), "quarantine")]


def kept() -> list[str]:
    return [text for text in texts(Path("out")) if not text.endswith(".jsonl")]


def noise(number: int) -> str:
    return random.Random(number).randbytes(600).hex()


ROWS: dict[str, tuple[str, Callable[[int], str], str]] = {
    "a.csv": ("text,noise\n", lambda n: f'"{GOOD} {n}",{noise(n)}\n', ""),
    "Posts.xml": (
        "<posts>\n",
        lambda n: f'<row Id="{n + 1}" PostTypeId="1" Body="{GOOD} {n}" x="{noise(n)}"/>\n',
        "</posts>",
    ),
    "wiki.xml": (
        "<mediawiki>\n",
        lambda n: (
            f"<page><title>T</title><ns>0</ns><id>{noise(n)}</id>"
            f"<revision><text>{GOOD} {n}</text></revision></page>\n"
        ),
        "</mediawiki>",
    ),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("packing", ["gz", "bz2"])
def test_reading_continues_after_a_corrupt_member(
    here: Path, lmkit: Lmkit, name: str, packing: str
) -> None:
    Path("raw").mkdir()
    head, row, end = ROWS[name]
    pack = gzip.compress if packing == "gz" else bz2.compress
    parts = ["".join(map(row, range(start, start + 20))) for start in (0, 20, 40)]
    parts = [head + parts[0], parts[1], parts[2] + end]
    members = [bytearray(pack(part.encode())) for part in parts]
    middle = len(members[1]) // 2
    members[1][middle : middle + 64] = bytes(b ^ 0xFF for b in members[1][middle : middle + 64])
    Path(f"raw/{name}.{packing}").write_bytes(b"".join(members))
    bad = cleaned(lmkit)
    assert any(reason.startswith("damaged") for _, reason in bad)
    found = {int(text.rpartition(" ")[2]) for text in kept()}
    assert {*range(20), *range(41, 60)} <= found
    # A partial row can look like a complete one, so in tables the first one after is listed.
    assert (40 in found) == (name != "a.csv")


def test_a_line_with_corruption_is_no_row_of_a_table(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    rows = ["text\n", *(f"{GOOD.replace(',', '')} {noise(n)} {n}\n" for n in range(2_000))]
    packed = bytearray(bz2.compress("".join(rows).encode(), 1))
    packed[len(packed) // 2] ^= 0xFF
    Path("raw/a.csv.bz2").write_bytes(packed)
    bad = cleaned(lmkit)
    assert [reason.split(":")[0] for _, reason in bad] == ["damaged", "after damage"]
    assert len(kept()) > 1_500 and {f"{text}\n" for text in kept()} < set(rows)


LONG = "9" * 5_000


def test_numbers_out_of_range_lose_one_record(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    row = '<row Id="{}" PostTypeId="1" AcceptedAnswerId="{}" Body="{}"/>\n'
    posts = [row.format(1, 1 << 70, "one"), row.format(1 << 70, 2, "x"), row.format(LONG, 2, "x")]
    Path("raw/Posts.xml").write_text(
        f"<posts>\n{''.join(posts)}{row.format(3, 2, 'three')}</posts>"
    )
    record = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {}\r\n\r\nfive.\r\n\r\n"
    Path("raw/a.warc").write_text("".join(map(record.format, (5, LONG, "\u0665", 5))), newline="")
    bad = cleaned(lmkit, "--filters.preset", "none")
    assert [name for name, _ in bad] == ["Posts.xml", "Posts.xml", "a.warc", "a.warc"]
    assert sorted(kept()) == ["five.", "five.", "one", "three"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_chapter_with_an_unbounded_compression_loses_only_itself(
    here: Path, lmkit: Lmkit, method: int
) -> None:
    Path("raw").mkdir()
    with zipfile.ZipFile("raw/a.epub", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("b.opf", package("a", "b"))
        book.writestr("a.xhtml", b"<p>" + b"a" * 1_000_000, method)
        book.writestr("b.xhtml", f"<p>{GOOD} 1</p>")
    ((_, reason),) = cleaned(lmkit)
    assert "a.xhtml" in reason and "method" in reason
    assert kept() == [f"{GOOD} 1"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bombs_in_a_folder_are_listed(here: Path, lmkit: Lmkit, encoding: str) -> None:
    Path("raw").mkdir()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    start = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE {{}} [{laughs}]>'
    wiki = start.format("mediawiki") + "<mediawiki><page><title>&l9;</title></page></mediawiki>"
    Path("raw/a.xml").write_bytes(wiki.encode(encoding))
    bomb = start.format("package") + package("a", "b").replace(
        "<manifest>", "<m>&l9;</m><manifest>"
    )
    with zipfile.ZipFile("raw/b.epub", "w") as book:
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("b.opf", bomb.encode(encoding))
    reason = "it declares entities, as XML bombs do"
    assert cleaned(lmkit) == [("a.xml", reason), ("b.epub", reason)]


def test_pages_without_an_end_take_bounded_time(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    page = f"<page><title>T</title><ns>0</ns><revision><text>{GOOD} 1</text></revision></page>"
    many = "<page>" * 5_000
    Path("raw/a.xml").write_text(f"<mediawiki>{page}{many}{'x' * 3_000_000}{page}</mediawiki>")
    bad = cleaned(lmkit, "--max-record", "2000000")
    assert len(bad) == 5_000 and kept() == [f"{GOOD} 1"] * 2


def test_a_poem_of_many_lines_is_not_deep(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    poem = "<br>".join(f"{GOOD} {n}" for n in range(6_000))
    Path("raw/a.html").write_text(f"<html><body><p>{poem}</p></body></html>")
    assert cleaned(lmkit) == []
    assert len(kept()[0].split("\n")) == 6_000


def test_a_corrupt_time_does_not_lose_the_text(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    cue = "{0}\n00:00:0{0},000 --> 00:00:0{0},900\n{1} {0}.\n\n"
    cues = "".join(cue.format(n, GOOD) for n in range(1, 4))
    Path("raw/a.srt").write_text(cues.replace("00:00:02,000", "00:0x:02"))
    assert cleaned(lmkit) == []
    assert kept() == ["\n".join(f"{GOOD} {n}." for n in range(1, 4))]


def test_wrong_numbers_in_an_arrow_file_do_not_end_the_process(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    table = pa.table({"text": [f"{GOOD} {n}" for n in range(4)]})
    with pa.OSFile("raw/a.arrow", "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    data = Path("raw/a.arrow").read_bytes()
    size = len(GOOD) + 2
    ends = b"".join((n * size).to_bytes(4, "little") for n in range(5))
    assert data.count(ends) == 1
    wrong = ends[:8] + b"\xff\xff\xff\x7f" + ends[12:]
    Path("raw/a.arrow").write_bytes(data.replace(ends, wrong))
    bad = cleaned(lmkit)
    assert len(bad) == 2 and all(reason.startswith("damaged") for _, reason in bad)
    assert kept() == [f"{GOOD} {n}" for n in (0, 3)]


def test_tables_truncated_or_without_the_column_are_listed(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    table = pa.table({"text": [f"{GOOD} {n}" for n in range(30)]})
    pq.write_table(table, "raw/a.parquet")
    pq.write_table(table.rename_columns(["body"]), "raw/b.parquet")
    Path("raw/c.parquet").write_bytes(Path("raw/a.parquet").read_bytes()[:-50])
    (first, wrong), (second, cut) = cleaned(lmkit)
    assert (first, second) == ("b.parquet", "c.parquet")
    assert wrong == "no column 'text'; it has body; try --text-field body"
    assert cut.startswith("not a Parquet file")
    assert len(kept()) == 30


def test_unusual_names_and_special_files_stop_nothing(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    names = [b"1-n\xe9.jsonl", b"1-new\nline.jsonl", b"1-\x1b[31mred.jsonl"]
    try:
        for number, name in enumerate(names):
            with Path("raw", os.fsdecode(name)).open("w") as file:
                file.write(json.dumps({"text": f"{GOOD} {number}"}) + "\nbad\n")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    os.mkfifo("raw/2-pipe.jsonl")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("raw/2-socket.jsonl")
    Path("raw/2-a.jsonl").symlink_to("2-b.jsonl")
    Path("raw/2-b.jsonl").symlink_to("2-a.jsonl")
    bad = cleaned(lmkit)
    assert sorted(os.fsencode(name) for name, _ in bad) == sorted(names)
    assert len(kept()) == 3
