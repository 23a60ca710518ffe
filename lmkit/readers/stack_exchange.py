"""Stack Exchange's Posts.xml: a question with its answers is a document.

The schema: https://meta.stackexchange.com/questions/2677.

Choices:
- Answers may be anywhere after their question, so posts are sorted by question first: in SQLite, in
  a temporary file, which handles any dump in constant memory.
- The order is that of the site: the accepted answer, then by score, then by age.
- A post is a line, as in the dumps; a line with several posts, or that isn't XML, is quarantined.
- Characters that XML 1.0 forbids, which the dumps hold all the same, are removed and counted.
- An answer whose question is not in the dump is a separate document: it is text all the same.
"""

import re
import sqlite3
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.readers.web.visible_text import fragment_text
from lmkit.readers.xml_elements import declared_encoding, parse
from lmkit.storage.byte_lines import Line, lines_around_damage
from lmkit.storage.byte_ranges import CorruptInput, Range

QUESTION, ANSWER = "1", "2"
NUMBER = re.compile(r"[0-9]{1,18}")
"""What SQLite, too, can store as an integer."""
REFERENCE = re.compile(rb"&#(?:x0*+([0-9a-fA-F]*+)|0*+([0-9]*+));")
CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
NONCHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")
"""U+FFFE and U+FFFF in UTF-8."""
Row = tuple[int, int, int, int, str, str, str, str, int, int]


def read_posts(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the questions of a file with their answers, in the order of their numbers."""
    with tempfile.TemporaryDirectory() as folder:
        table = sqlite3.connect(Path(folder) / "posts")
        try:
            table.execute(
                "create table posts (question int, rank int, score int, id int, title text,"
                " body text, tags text, date text, byte_offset int, record int)"
            )
            table.execute("create table accepted (id int)")
            bad = _fill(table, part, source, request)
            yield from bad
            rows = table.execute("select * from posts order by question, rank, score desc, id")
            for _, posts in groupby(rows, key=lambda row: row[0]):
                yield _document(part, list(posts), request)
        finally:
            table.close()


def _fill(
    table: sqlite3.Connection, part: Slice, source: Range, request: Request
) -> list[Unreadable]:
    """Insert the posts of a file into the table; return what couldn't be read."""
    bad: list[Unreadable] = []

    def rows() -> Iterator[Row]:
        encoding = "utf-8"
        for line in lines_around_damage(source, part.compression, request.max_record):
            if isinstance(line, CorruptInput):
                bad.append(unreadable(part, line))
                continue
            if line.data is not None and line.data.lstrip()[:5] == b"<?xml":
                encoding = declared_encoding(line.data)
            try:
                row = _row(line, encoding, request, table)
            except CorruptInput as damage:
                bad.append(unreadable(part, CorruptInput(line.offset, damage.reason), line.record))
                continue
            if row:
                yield row

    table.executemany("insert into posts values (?,?,?,?,?,?,?,?,?,?)", rows())
    table.execute("update posts set rank = 1 where rank = 2 and id in (select id from accepted)")
    return bad


def _row(line: Line, encoding: str, request: Request, table: sqlite3.Connection) -> Row | None:
    if line.data is None:
        raise CorruptInput(line.offset, request.too_long)
    data = line.data.removeprefix(BOM_UTF8).strip()
    if not data.startswith(b"<row"):
        if data and (b"<row" in data or not data.startswith(b"<")):
            raise CorruptInput(line.offset, "not a post: they stand each in a line of its own")
        return None
    post = parse(_without_forbidden(data, encoding, request), encoding).attrib
    kind, number = post.get("PostTypeId"), post.get("Id", "")
    if kind not in {QUESTION, ANSWER}:
        return None  # a tag wiki, a moderator election
    question = number if kind == QUESTION else post.get("ParentId", number)
    if not NUMBER.fullmatch(number) or not NUMBER.fullmatch(question):
        raise CorruptInput(line.offset, "a post without a number")
    best = post.get("AcceptedAnswerId", "")
    if NUMBER.fullmatch(best):
        table.execute("insert into accepted values (?)", (int(best),))
    score = post.get("Score", "0")
    return (
        int(question),
        0 if kind == QUESTION else 2,
        int(score) if re.fullmatch(r"-?\d{1,9}", score) else 0,
        int(number),
        post.get("Title", ""),
        post.get("Body", ""),
        post.get("Tags", ""),
        post.get("CreationDate", ""),
        line.offset,
        line.record,
    )


def _without_forbidden(data: bytes, encoding: str, request: Request) -> bytes:
    """Remove the characters that XML 1.0 forbids, also as references (section 2.2, Char)."""
    removed = 0

    def kept(found: re.Match[bytes]) -> bytes:
        nonlocal removed
        digits, base = (found[1], 16) if found[1] is not None else (found[2], 10)
        code = int(digits or b"0", base) if len(digits) < 9 else 1 << 32
        is_allowed = code in {9, 10, 13} or 0x20 <= code <= 0xD7FF
        if is_allowed or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF:
            return found[0]
        removed += 1
        return b""

    data = REFERENCE.sub(kept, data) if b"&#" in data else data
    data, controls = CONTROLS.subn(b"", data)
    removed += controls
    if encoding == "utf-8":
        data, noncharacters = NONCHARACTERS.subn(b"", data)
        removed += noncharacters
    if removed:
        request.counts["forbidden_characters"] += removed
    return data


def _document(part: Slice, posts: list[Row], request: Request) -> Document:
    question, _, score, _, title, _, tags, date, offset, record = posts[0]
    texts: Iterable[str] = (fragment_text(post[5], request.reading.math) for post in posts)
    metadata: dict[str, Any] = {
        "title": title,
        "date": date,
        "tags": re.findall(r"[^<>|]+", tags),
        "score": score,
        "answers": len(posts) - (posts[0][1] == 0),
        "post": question,
    }
    text = "\n\n".join(text for text in (title, *texts) if text)
    record = record if part.compression != "none" else None
    return new_document(part, text, offset=offset, record=record, metadata=metadata)
