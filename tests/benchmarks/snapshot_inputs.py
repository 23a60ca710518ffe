"""What snapshot.py feeds to lmkit: small inputs of every format, the same bytes on every call.

Real text comes from the corpora (LMKIT_CORPORA) and from examples/python_text.py; the rest is
written here. Planted: exact copies, copies in other letter case and white space, near-duplicates,
shared passages, test items, personal data, bad words, markup, and damage of every kind.
"""

import bz2
import csv
import gzip
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

ROOT = Path(__file__).parents[2]
LARGEST_FILE = 20_000
"""Bytes of the longest file of Python's own text that is taken."""

BOILERPLATE = (
    "This page is part of the collection of the old library, which was catalogued by volunteers "
    "over many years. Please write to the keeper of the collection before you copy any of it, "
    "and name the shelf and the number of the volume when you do so, since the rooms are large "
    "and the staff is small. The reading room is open on weekdays from ten until four."
)
PERSONAL = (
    "Write to jo.smith@example.com or call +1 (212) 555-0187 before noon, or 020 7946 0958. Pay to "
    "DE89 3704 0044 0532 0130 00 or with 4111 1111 1111 1111; the server is 93.184.216.34 and the "
    "key is AKIAIOSFODNN7EXAMPLE. Again: JO.SMITH@example.com. "
)
MARKUP = (
    "<div class='a'><p>&nbsp;[[Main page]] {{note}} <b>bold</b> &amp; <i>more</i></p></div>\n" * 9
)
PLANTED_DAMAGE = b'{"id": "half a record", "text": "it stops he\n[1, 2]\n{"id": 7, "tex": "none"}\n'
PLANTED_DAMAGE += b'{"text": "\xff\xfe not UTF-8"}\n{"text": 5}\n\n'

CONTAINER = """<?xml version="1.0"?><container version="1.0"
xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile
full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Book</dc:title>
<dc:creator>Ann</dc:creator><dc:language>en</dc:language></metadata>
<manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/>
<item id="three" href="missing.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="one"/><itemref idref="three"/><itemref idref="two"/></spine></package>"""


def write_inputs(folder: Path, corpora: Path, python: str) -> None:
    """Write all inputs below a folder that does not exist yet."""
    python_text(folder / "python", folder / "python-all", python)
    passages = list(islice(_passages(corpora), 120))
    books(folder / "books", corpora)
    pages(folder / "html", corpora, passages)
    archives(folder / "warc", corpora, passages)
    encyclopedia(folder / "wiki", corpora)
    json_lines(folder / "jsonl", passages)
    test_sets(folder / "tests", corpora, passages)
    captions(folder / "subtitles", passages)
    epubs(folder / "epub", passages)
    tables(folder / "tables", passages)
    forums(folder / "forums", passages)
    languages(folder / "languages", corpora)
    speeches(folder / "speeches", corpora)
    lists(folder / "lists")


def python_text(folder: Path, everything: Path, python: str) -> None:
    """Some of the quickstart's text: 45 modules, 30 topics of the manual, 15 notices."""
    script = ROOT / "examples" / "python_text.py"
    subprocess.run([python, script, everything], check=True)
    for name, count in {"library": 45, "manual": 30, "notices": 15}.items():
        paths = [path for path in sorted((everything / name).rglob("*")) if path.is_file()]
        small = [path for path in paths if 500 < path.stat().st_size < LARGEST_FILE]
        for path in small[:: max(1, len(small) // count)][:count]:
            _write(folder / path.relative_to(everything), path.read_bytes())
    shutil.rmtree(everything)


def books(folder: Path, corpora: Path) -> None:
    """Three small books, one of which is cut short, and one stored twice."""
    names = ["burnett--one-day-at-arle--pg23330", "balzac--the-recruit--pg1426"]
    for name in names:
        _write(folder / f"{name}.txt.zst", (corpora / "books" / f"{name}.txt.zst").read_bytes())
    _write(folder / "damaged.txt.zst", (folder / f"{names[0]}.txt.zst").read_bytes()[:9_000])
    _write(folder / "again.txt", _unpacked(folder / f"{names[1]}.txt.zst"))
    _write(folder / "binary.txt", bytes(range(256)) * 20)


def pages(folder: Path, corpora: Path, passages: list[str]) -> None:
    """Pages of both sets of web pages, one damaged and one empty, and two written here."""
    found = sorted((corpora / "web" / "html").iterdir())[:14]
    found += sorted((corpora / "web2" / "html").iterdir())[:14]
    for number, path in enumerate(found):
        _write(folder / f"{number:02}.html.gz", path.read_bytes())
    _write(folder / "damaged.html.gz", found[0].read_bytes()[:2_000])
    _write(folder / "empty.html", b"<html><body></body></html>")
    for number in range(2):
        _write(folder / f"own-{number}.html", _page(passages[number], number).encode())


def archives(folder: Path, corpora: Path, passages: list[str]) -> None:
    """The archives of the corpora, damaged ones, and a crawl with the same addresses twice."""
    for path in sorted((corpora / "warc").iterdir()):
        _write(folder / path.name, path.read_bytes())
    plain = (corpora / "warc" / "example.warc").read_bytes()
    _write(folder / "damaged.warc", plain[:1_500] + b"\0\0" + plain[1_502:3_000])
    packed = (corpora / "warc" / "example.warc.gz").read_bytes()
    _write(folder / "damaged.warc.gz", packed[: len(packed) // 2])
    crawl = b"".join(_response(number, passages) for number in range(24))
    _write(folder / "crawl.warc.gz", gzip.compress(crawl, mtime=0))


def encyclopedia(folder: Path, corpora: Path) -> None:
    """The first megabyte of a dump's pages, and the same with a page that is no XML."""
    data = bz2.decompress((corpora / "wiki" / "enwiki-shortened.xml.bz2").read_bytes())
    end = data.index(b"</page>", 1_000_000) + len(b"</page>\n")
    _write(folder / "dump.xml.bz2", bz2.compress(data[:end] + b"</mediawiki>\n"))
    first = data.index(b"<page>")
    third = data.index(b"</page>", 60_000) + len(b"</page>\n")
    broken = b"  <page><title>A & B</title><ns>0</ns><id>1</id><revision><text>x</page>\n"
    _write(folder / "damaged.xml", data[:first] + broken + data[first:third])


def json_lines(folder: Path, passages: list[str]) -> None:
    """Records with and without ids, with all that dedup and the filters look for, and damage."""
    crawls = list(_records(passages))
    first, second = crawls[: len(crawls) // 2], crawls[len(crawls) // 2 :]
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in first)
    _write(folder / "first.jsonl.gz", gzip.compress(lines + PLANTED_DAMAGE, mtime=0))
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in second)
    _write(folder / "second.jsonl.zst", zstandard.ZstdCompressor().compress(lines))
    long = json.dumps({"id": "long", "text": "word " * 10_000}).encode()
    surrogate = b'{"id": "half", "text": "Half of a pair \\ud800 stands in this line of text."}'
    _write(folder / "third.jsonl", b"\n".join([long, surrogate, PLANTED_DAMAGE]))


def test_sets(folder: Path, corpora: Path, passages: list[str]) -> None:
    """Items of real tests, and items made from two of the passages."""
    lines = gzip.decompress((corpora / "eval" / "arc_easy.jsonl.gz").read_bytes()).splitlines()
    _write(folder / "arc.jsonl", b"\n".join(lines[:30]) + b"\n")
    planted = [{"context": passages[n][:250], "continuation": passages[n][250:300]} for n in (3, 8)]
    _write(folder / "planted.jsonl", b"".join(json.dumps(i).encode() + b"\n" for i in planted))


def captions(folder: Path, passages: list[str]) -> None:
    cues = [line for text in passages[:3] for line in text.split("\n") if line.strip()][:30]
    srt = (
        f"{n}\r\n00:{n:02}:00,000 --> 00:{n:02}:05,000\r\n<i>{cue}</i>\r\n\r\n"
        for n, cue in enumerate(cues)
    )
    _write(folder / "film.srt", "".join(srt).encode())
    vtt = (f"00:{n:02}.000 --> 00:{n:02}.900\n- {cue}\n\n" for n, cue in enumerate(cues[:15]))
    _write(folder / "film.vtt", ("WEBVTT\n\n" + "".join(vtt)).encode())
    _write(folder / "damaged.srt", b"There is not a single time in here.\n" * 3)


def epubs(folder: Path, passages: list[str]) -> None:
    """A book of which one chapter is missing, and one that ends too early."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        files = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
        files |= {"book.opf": PACKAGE, "one.xhtml": _page(passages[0], 0)}
        files |= {"two.xhtml": _page(passages[1], 1)}
        for name, text in files.items():
            book.writestr(zipfile.ZipInfo(name), text)  # its date is fixed
    _write(folder / "book.epub", buffer.getvalue())
    _write(folder / "damaged.epub", buffer.getvalue()[:-60])


def tables(folder: Path, passages: list[str]) -> None:
    columns = {"text": passages[:12], "id": [f"row-{n}" for n in range(12)], "n": range(12)}
    folder.mkdir(parents=True)
    pq.write_table(pa.table({k: list(v) for k, v in columns.items()}), folder / "a.parquet")
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["text", "author"], *([text, "Ann"] for text in passages[12:20])])
    _write(folder / "b.csv", buffer.getvalue().encode())
    _write(
        folder / "c.tsv", b"text\tauthor\n" + passages[20].replace("\n", " ").encode() + b"\tB\n"
    )
    _write(folder / "damaged.parquet", (folder / "a.parquet").read_bytes()[:-20])


def forums(folder: Path, passages: list[str]) -> None:
    """Posts of a StackExchange dump, and threads."""
    posts = [
        {"Id": "1", "PostTypeId": "1", "Title": "Why?", "Body": f"<p>{passages[0][:400]}</p>"},
        {"Id": "2", "PostTypeId": "2", "ParentId": "1", "Score": "5", "Body": passages[1][:400]},
        {"Id": "3", "PostTypeId": "2", "ParentId": "1", "Score": "9", "Body": passages[2][:400]},
    ]
    rows = [" ".join(f"{key}={quoteattr(value)}" for key, value in post.items()) for post in posts]
    lines = [f"  <row {row} />" for row in rows] + ['  <row Id="4" PostTypeId="1" Body="<" />']
    text = '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n' + "\n".join(lines) + "\n</posts>\n"
    _write(folder / "Posts.xml", text.encode())
    thread = {"title": "A question", "author": "ann", "text": passages[3][:300]}
    thread["children"] = [{"text": passages[4][:300], "children": [{"text": passages[5][:300]}]}]
    _write(folder / "thread.json", json.dumps(thread, indent=1).encode())


def languages(folder: Path, corpora: Path) -> None:
    codes = ("eng", "deu_1901", "fra", "spa", "rus", "cmn_hans", "jpn", "arb", "swe", "por_PT")
    with zipfile.ZipFile(corpora / "language" / "udhr2.zip") as archive:
        for code in codes:
            _write(folder / f"{code}.txt", archive.read(f"udhr2/{code}.txt"))


def speeches(folder: Path, corpora: Path) -> None:
    """Three speeches, of which one is not UTF-8."""
    with zipfile.ZipFile(corpora / "misc" / "state_union.zip") as archive:
        for name in ("1945-Truman", "1970-Nixon", "2006-GWBush"):
            _write(folder / f"{name}.txt", archive.read(f"state_union/{name}.txt"))


def lists(folder: Path) -> None:
    _write(folder / "words.txt", b"keeper of the collection\nvolunteers\n")
    _write(folder / "domains.txt", b"listed.example\n")
    _write(folder / "url-words.txt", b"casino\n")


def token_file(path: Path) -> None:
    """Write nanoGPT's token file: ids below 256, and 3, the end token, between documents."""
    values = np.arange(6_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(56)
    ids = values.astype(np.uint16) + np.uint16(300)
    ids[::150] = 3
    _write(path, ids.tobytes())


def _records(passages: list[str]) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(passages):
        metadata = {"score": number * 7 % 13, "date": f"2024-{number % 12 + 1:02}-01"}
        host = "listed.example" if number % 10 == 4 else "plain.example"
        metadata["url"] = f"http://{host}/{'casino' if number % 12 == 5 else 'page'}/{number % 50}"
        if number % 5 == 2:
            text = f"{text}\n\n{BOILERPLATE}"
        record: dict[str, Any] = {"text": text, "metadata": metadata}
        if number % 2:
            record["id"] = f"record-{number}"
        if number % 3 == 0:
            record["source"] = "library"
        yield record
        if number % 10 == 1:  # the same text, in another form
            yield {"id": f"copy-{number}", "text": "  " + text.upper().replace(" ", "  ")}
        if number % 10 == 6:  # nearly the same text
            words = text.split(" ")
            words[len(words) // 2] = "otherwise"
            yield {"id": f"near-{number}", "text": " ".join(words), "metadata": {"score": 99}}
        if number % 40 == 7:
            yield {"id": f"personal-{number}", "text": PERSONAL + text[:400]}
            yield {"id": f"markup-{number}", "text": MARKUP + text[:200]}
            yield {"id": f"short-{number}", "text": "Too short."}
            yield {"id": f"empty-{number}", "text": " \n"}
            yield {"id": f"bad-{number}", "text": f"What the fuck and shit is this? {text[:300]}"}
            yield {"id": f"spoilt-{number}", "text": f"A cafÃ© â€” {text[:200]}", "language": "en"}
            yield {"id": f"repeats-{number}", "text": "The same line again.\n" * 40}


def _passages(corpora: Path) -> Iterator[str]:
    """Pieces of about 1,200 characters of two books, from their bodies."""
    names = ("baum--the-woggle-bug-book--pg21914", "burnett--the-good-wolf--pg42920")
    for name in names:
        text = _unpacked(corpora / "books" / f"{name}.txt.zst").decode().replace("\r\n", "\n")
        paragraphs = text[3_000:-20_000].split("\n\n")
        piece = ""
        for paragraph in paragraphs:
            piece += paragraph.strip() + "\n\n"
            if len(piece) > 600:
                yield piece.strip()
                piece = ""


def _page(text: str, number: int) -> str:
    """Return a page of XHTML around a text."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;")
    body = "".join(f"<p>{paragraph}</p>" for paragraph in shown.split("\n\n"))
    head = f"<head><title>Page {number}</title></head>"
    side = "<nav><a href='/'>Home</a> <a href='/about'>About us</a></nav>"
    return f"<html lang='en'>{head}<body>{side}<h1>Chapter {number}</h1>{body}</body></html>"


def _response(number: int, passages: list[str]) -> bytes:
    """Return a WARC record; every third page has the address of the one before."""
    page = _page(passages[number // 2 * 2 % len(passages)], number // 2).encode()
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page
    address = f"http://crawl.example/{number - (number % 3 == 2)}"
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {address}\r\n"
        f"WARC-Date: 2024-05-{number + 1:02}T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012}>\r\n"
        f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def _unpacked(path: Path) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
