"""Threaded discussions in JSON: a thread is a document.

Choices:
- The structure is the one that the APIs of forums share: an object with a text and a list of
  replies, which are such objects. Names differ, so the known ones are tried in order.
- Replies follow the posts that they answer, depth first, as a person reads them.
- A file is a thread, a list of threads, or has a thread per line.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import content, decode
from lmkit.readers.html_main_content import fragment_text
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_lines import lines
from lmkit.storage.byte_ranges import CorruptInput, Range

TEXTS = ("text", "body", "selftext", "content", "message", "comment_text")
REPLIES = ("children", "replies", "comments", "answers")
FIELDS = {
    "title": ("title", "subject"),
    "author": ("author", "by", "user"),
    "date": ("created_at", "date", "time", "created_utc"),
    "url": ("url", "permalink"),
    "thread": ("id",),
}
MAX_DEPTH = 10_000


def read_threads(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the threads of a file."""
    try:
        if part.path.name.split(".")[1:2] in (["jsonl"], ["ndjson"]):
            for line in lines(source, part.compression, request.max_record):
                if line.data is None or line.data.strip():
                    yield _of_bytes(part, line.data, request, line.offset, line.record)
            return
        data = content(part, source, request)
        threads = _parse(data)
        if not isinstance(threads, list):
            yield _of_object(part, threads, request, 0, None)
            return
        for number, thread in enumerate(cast(list[Any], threads)):
            yield _or_damage(part, thread, request, 0, number)
    except CorruptInput as damage:
        yield unreadable(part, damage)


def _of_bytes(
    part: Slice, data: bytes | None, request: Request, offset: int, record: int
) -> Document | Unreadable:
    try:
        if data is None:
            raise CorruptInput(offset, request.too_long)
        compressed = part.compression != "none"
        return _of_object(part, _parse(data), request, offset, record if compressed else None)
    except CorruptInput as damage:
        return unreadable(part, CorruptInput(offset, damage.reason), record)


def _or_damage(
    part: Slice, thread: Any, request: Request, offset: int, record: int
) -> Document | Unreadable:
    try:
        return _of_object(part, thread, request, offset, record)
    except CorruptInput as damage:
        return unreadable(part, damage, record)


def _parse(data: bytes) -> Any:
    try:
        return json.loads(decode(data))
    except (ValueError, RecursionError) as error:
        raise CorruptInput(0, f"not JSON: {error}") from None


def _of_object(
    part: Slice, thread: Any, request: Request, offset: int, record: int | None
) -> Document:
    if not isinstance(thread, dict):
        raise CorruptInput(offset, "not a thread: no object")
    top = cast(dict[str, Any], thread)
    texts = [text for text in _texts(top, request) if text]
    if not texts:
        raise CorruptInput(offset, f"not a thread: no {', '.join(TEXTS[:4])}")
    metadata = {name: _first(top, keys) for name, keys in FIELDS.items()}
    metadata = {name: value for name, value in metadata.items() if isinstance(value, str | int)}
    return new_document(part, "\n\n".join(texts), offset=offset, record=record, metadata=metadata)


def _texts(thread: dict[str, Any], request: Request) -> Iterator[str]:
    """Yield the title and all texts of a thread, each before its replies."""
    title = _first(thread, FIELDS["title"])
    if isinstance(title, str):
        yield title.strip()
    pending = [thread]
    while pending:
        post = pending.pop()
        text = _first(post, TEXTS)
        if isinstance(text, str) and text.strip():
            is_html = "<" in text or "&" in text
            yield fragment_text(text, request.reading.math) if is_html else text.strip()
        replies = _first(post, REPLIES)
        if isinstance(replies, list):
            inner = [reply for reply in cast(list[Any], replies) if isinstance(reply, dict)]
            pending += cast(list[dict[str, Any]], inner[::-1])


def _first(table: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((table[name] for name in names if table.get(name)), None)
