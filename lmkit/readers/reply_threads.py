"""Threaded discussions in JSON: a thread is a document.

Choices:
- The structure is the one that the APIs of forums share: an object with a text and a list of
  replies, which are such objects. Names differ, so the known ones are tried in order.
- Replies follow the posts that they answer, depth first, as a person reads them.
- A file is a thread, a list of threads, or has a thread per line.
- Reddit's own form is read too: "things" in "Listings" (https://www.reddit.com/dev/api/), a post as
  one of them, or with its comments in a second. Its texts are Markdown in which `&`, `<` and `>`
  are escaped. Comments that it leaves out are counted.
"""

import json
from collections.abc import Iterator
from html import unescape
from typing import Any, cast

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import content, decode
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.readers.web.visible_text import fragment_text
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
MARKDOWN = "\0markdown"
"""Marks a post whose text isn't HTML."""


def read_threads(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the threads of a file."""
    try:
        if part.path.name.split(".")[1:2] in (["jsonl"], ["ndjson"]):
            for line in lines(source, part.compression, request.max_record):
                if line.data is None or line.data.strip():
                    yield _of_bytes(part, line.data, request, line.offset, line.record)
            return
        data = content(part, source, request)
        threads = _plain_form(_parse(data, request), request)
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
        thread = _plain_form(_parse(data, request), request)
        if isinstance(thread, list) and len(cast(list[Any], thread)) == 1:
            thread = cast(list[Any], thread)[0]
        return _of_object(part, thread, request, offset, record if compressed else None)
    except CorruptInput as damage:
        return unreadable(part, CorruptInput(offset, damage.reason), record)


def _or_damage(
    part: Slice, thread: Any, request: Request, offset: int, record: int
) -> Document | Unreadable:
    try:
        return _of_object(part, thread, request, offset, record)
    except CorruptInput as damage:
        return unreadable(part, damage, record)


def _parse(data: bytes, request: Request) -> Any:
    try:
        return json.loads(decode(data, request.reading.encoding))
    except (ValueError, RecursionError) as error:
        raise CorruptInput(0, f"not JSON: {error}") from None


def _plain_form(value: Any, request: Request) -> Any:
    """Return Reddit's Listings as threads, and anything else as it is."""
    if _is_listing(value):
        return _things(value, request)
    if not isinstance(value, list) or not value:
        return cast(Any, value)
    listings = cast(list[Any], value)
    if not all(map(_is_listing, listings)):
        return listings
    posts, *others = [_things(listing, request) for listing in listings]
    comments = [thing for things in others for thing in things]
    if comments and len(posts) == 1:
        posts[0]["children"] = [*posts[0]["children"], *comments]
        return posts
    return [*posts, *comments]


def _is_listing(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    thing = cast(dict[str, Any], value)
    inner = thing.get("data")
    return thing.get("kind") == "Listing" and isinstance(inner, dict) and "children" in inner


def _things(listing: Any, request: Request) -> list[dict[str, Any]]:
    """Return the posts and comments of a Listing, each with its replies."""
    top: list[dict[str, Any]] = []
    pending: list[tuple[Any, list[dict[str, Any]]]] = [(listing, top)]
    while pending:
        one, found = pending.pop()
        for thing in one["data"]["children"] if isinstance(one["data"]["children"], list) else ():
            data: Any = thing.get("data") if isinstance(thing, dict) else None
            if not isinstance(data, dict):
                continue
            fields = cast(dict[str, Any], data)
            if thing.get("kind") == "more":
                count = fields.get("count")
                request.counts["comments_not_in_file"] += count if isinstance(count, int) else 0
                continue
            replies, inner = fields.get("replies"), list[dict[str, Any]]()
            text = _first(fields, TEXTS)
            post = {**fields, "children": inner, MARKDOWN: True}
            for name in (*TEXTS, *REPLIES[1:]):
                post.pop(name, None)
            post["text"] = unescape(text) if isinstance(text, str) else ""
            title = post.get("title")
            post["title"] = unescape(title) if isinstance(title, str) else None
            found.append(post)
            if _is_listing(replies):
                pending.append((replies, inner))
    return top


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
            is_html = ("<" in text or "&" in text) and not post.get(MARKDOWN)
            yield fragment_text(text, request.reading.math) if is_html else text.strip()
        replies = _first(post, REPLIES)
        if isinstance(replies, list):
            inner = [reply for reply in cast(list[Any], replies) if isinstance(reply, dict)]
            pending += cast(list[dict[str, Any]], inner[::-1])


def _first(table: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((table[name] for name in names if table.get(name)), None)
