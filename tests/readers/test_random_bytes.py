import bz2
import gzip
import tarfile
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document, Unreadable
from tests.readers.reading import outcomes

ZIP = BytesIO()
with zipfile.ZipFile(ZIP, "w", zipfile.ZIP_DEFLATED) as file:
    file.writestr("a.txt", "text")
SEEDS: dict[str, tuple[str, bytes]] = {
    "text": ("a.txt", "Ünï\n\ntext".encode()),
    "code": ("a.py", b"# Copyright\nx = 1\n"),
    "jsonl": ("a.jsonl", b'{"text": "a"}\n{"text": "b"}\n'),
    "json": ("a.json", b'{"data": [{"text": "a"}, {"text": "b", "n": [1, "x"]}], "n": 1}\n["c"]'),
    "notebook": ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": ["a"]}]}'),
    "archive": ("a.zip", ZIP.getvalue()),
    "csv": ("a.csv", b'text,n\n"a ""b""",1\nc,2\n'),
    "html": ("a.html", b"<html><body><p>a <b>b</p><div class=comment>c</div>"),
    "warc": (
        "a.warc",
        b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n" * 2,
    ),
    "wikipedia": (
        "a.xml",
        b"<mediawiki><page><title>a</title><ns>0</ns><revision><text>{{b}} [[c|d]]</text>"
        b"</revision></page><page><title>b</title></page></mediawiki>",
    ),
    "stackexchange": ("Posts.xml", b'<posts>\n<row Id="1" PostTypeId="1" Body="a"/>\n</posts>'),
    "threads": ("a.json", b'{"text": "a", "replies": [{"text": "b"}]}'),
    "subtitles": ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHi.\n"),
    "epub": ("a.epub", b"PK\x03\x04 not one"),
    "parquet": ("a.parquet", b"PAR1 not one PAR1"),
    "arrow": ("a.arrow", b"\xff\xff\xff\xff\x10\x00\x00\x00"),
    "pdf": ("a.pdf", b"%PDF-1.4\n1 0 obj\n"),
}
COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}
COMPRESSIBLE = {
    "text",
    "json",
    "jsonl",
    "csv",
    "html",
    "warc",
    "wikipedia",
    "stackexchange",
    "subtitles",
}


@pytest.mark.parametrize("kind", SEEDS)
@settings(max_examples=25)
@given(data=st.data(), noise=st.binary(max_size=12), index=st.integers(0, 200))
def test_every_reader_yields_outcomes_and_never_raises_on_random_bytes(
    kind: str, data: st.DataObject, noise: bytes, index: int
) -> None:
    if kind == "pdf":
        pytest.importorskip("pypdfium2")
    name, seed = SEEDS[kind]
    suffix = data.draw(st.sampled_from(sorted(COMPRESS) if kind in COMPRESSIBLE else [""]))
    content = COMPRESS[suffix](seed)
    index = min(index, len(content))
    content = content[:index] + noise + content[index + data.draw(st.integers(0, 12)) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (name + suffix)
        path.write_bytes(content)
        for outcome in outcomes(path, forced=kind, max_record=10_000):
            if isinstance(outcome, Document):
                assert outcome.id and isinstance(outcome.text, str)
            else:
                assert isinstance(outcome, Unreadable) and outcome.reason


@settings(max_examples=100)
@given(noise=st.binary(max_size=12), index=st.integers(0, 10_000))
def test_a_tar_with_random_bytes_yields_outcomes(noise: bytes, index: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tar"
        with tarfile.open(path, "w") as archive:
            for number in range(3):
                entry = tarfile.TarInfo(f"{number}.txt")
                entry.size = 4
                archive.addfile(entry, BytesIO(b"text"))
        data = path.read_bytes()
        path.write_bytes(data[:index] + noise + data[index + len(noise) :])
        for outcome in outcomes(path, max_record=10_000):
            assert isinstance(outcome, Document | Unreadable)


@example(text="0\x0c", kind="html")
@example(text="\x00" * 50, kind="text")
@given(text=st.text(max_size=80), kind=st.sampled_from(["text", "html", "subtitles"]))
@settings(max_examples=60)
def test_any_text_in_utf8_becomes_one_outcome(text: str, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(text.encode("utf-8", "replace"))
        assert len(outcomes(path, forced=kind)) == 1
