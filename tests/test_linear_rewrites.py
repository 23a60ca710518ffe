"""Patterns that were rewritten to take linear time find what the obvious patterns found.

Choice: the obvious pattern stands here as the reference. Texts are random ones of the characters
that a pattern is about, and all that the corpora hold, where they are.
"""

import bz2
import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.readers.warc import START
from lmkit.readers.web.formulas import _without_cdata
from lmkit.readers.wikitext import EXPONENT, EXTERNAL
from lmkit.storage.json_kinds import REPLIES, REPLY, _has_replies

CDATA = re.compile(r"^\s*%\s*<!\[CDATA\[|%?\s*\]\]>\s*$")
OLD_START = re.compile(rb"[\r\n]*WARC/")
OLD_EXPONENT = re.compile(r"\s*[-+\u2212\u2013]?(?:\d+|n)?[+\u2212-]?\s*\Z")
OLD_EXTERNAL = re.compile(
    r"\[(?:(?:[a-z][a-z+.-]{1,20}:)?//|mailto:)[^\s\[\]<>\x01-\x06]+"
    r"[ \t]*([^\[\]\n]*(?:\[[^\[\]\n]*\][^\[\]\n]*)*)\]",
    re.IGNORECASE,
)
OLD_JSON_TOKEN = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"|[\[\]{}]', re.DOTALL)
LARGEST = 3_000_000
"""Bytes of a file of the corpora that are tried."""
LONGEST_LINE = 20_000
"""Characters: the obvious patterns take quadratic time."""


def found(pattern: re.Pattern[Any], text: Any) -> list[Any]:
    return [(each.span(), each.groups()) for each in pattern.finditer(text)]


def has_replies(start: bytes) -> bool:
    """Return whether there are replies, as the reader does, by the obvious pattern."""
    depth, record = 0, 2 if start.startswith(b"[") else 1
    for token in OLD_JSON_TOKEN.finditer(start):
        if token[0][:1] == b'"':
            if depth == record and token[1] in REPLIES and REPLY.match(start, token.end()):
                return True
        else:
            depth += 1 if token[0] in b"[{" else -1
    return False


def same_start(data: bytes) -> None:
    assert found(START, data) == found(OLD_START, data)
    assert bool(START.match(data)) == bool(OLD_START.match(data))


def same_exponent(text: str) -> None:
    assert bool(EXPONENT.match(text)) == bool(OLD_EXPONENT.match(text))


def same_links(text: str) -> None:
    assert found(EXTERNAL, text) == found(OLD_EXTERNAL, text)


def same_source(text: str) -> None:
    assert _without_cdata(text) == CDATA.sub("", text)


def same_replies(data: bytes) -> None:
    assert _has_replies(data) == has_replies(data)


def strings(*parts: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(parts), max_size=14).map("".join)


@given(strings("\r", "\n", "WARC/", "W", "/", " "))
def test_beginnings_of_an_archive(text: str) -> None:
    same_start(text.encode())


@given(strings(" ", "\n", "-", "+", "\u2212", "\u2013", "1", "23", "n", "x", "\u0663"))
def test_exponents(text: str) -> None:
    same_exponent(text)


@given(strings("[", "]", "//", "http:", "mailto:", "a", "B.", " ", "\t", "\n", "<", "\x01", "\x00"))
def test_external_links(text: str) -> None:
    same_links(text)
    same_links(f"[//a{text}]")


@given(strings("%", " ", "\n", "<![CDATA[", "]]>", "a", "]", "\x1c", "\u3000", "\u200b"))
def test_marks_of_cdata(text: str) -> None:
    same_source(text)


@given(strings("{", "}", "[", "]", '"', "\\", '"replies"', ":", "a", " ", ': [{"', '{"a":'))
def test_replies_in_json(text: str) -> None:
    same_replies(text.encode())
    same_replies(b'{"a": "' + text.encode())


def pieces(corpora: Path, *endings: str) -> Iterator[bytes]:
    """Yield the files with these endings, without their compression, up to a size."""
    opening: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open}
    count = 0
    for path in sorted(each for each in corpora.rglob("*") if each.name.endswith(endings)):
        try:
            with opening.get(path.suffix, Path.open)(path, "rb") as file:
                yield file.read(LARGEST)
                count += 1
        except (OSError, EOFError):  # some are damaged on purpose
            continue
    if not count:
        pytest.skip("no such files")


def lines(corpora: Path, *endings: str) -> Iterator[str]:
    for data in pieces(corpora, *endings):
        for line in data.decode("utf-8", "replace").splitlines():
            yield line[:LONGEST_LINE]


def test_archives_of_the_corpora(corpora: Path) -> None:
    for data in pieces(corpora, ".warc", ".arc", ".warc.gz", ".arc.gz", ".wet.gz"):
        same_start(data)


def test_wiki_pages_of_the_corpora(corpora: Path) -> None:
    for line in lines(corpora / "wiki", ".xml", ".bz2", ".gz"):
        same_links(line)
        for exponent in re.findall(r"&lt;sup&gt;(.{0,40}?)&lt;/sup", line):
            same_exponent(exponent)


def test_web_pages_of_the_corpora(corpora: Path) -> None:
    for line in lines(corpora, ".html", ".html.gz"):
        same_source(line[:2_000])


def test_json_of_the_corpora(corpora: Path) -> None:
    for data in pieces(corpora, ".json", ".jsonl", ".jsonl.gz", ".json.gz"):
        same_replies(data[:200_000])
        for line in data.splitlines()[:1_000]:
            same_replies(line[:LONGEST_LINE])
