"""The kind of JSON that a file holds, by its first bytes: a record a line, threads, or other."""

import re
from typing import Literal

from lmkit.storage.json_bytes import from_json

JSON = re.compile(rb'\{\s*["}]|\[\s*[\[\]{"]')
# A string that is never closed is a token, too: without it, each quote in it would be tried.
JSON_TOKEN = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
REPLIES = {b"children", b"replies", b"comments"}
REPLY = re.compile(rb"\s*:\s*\[\s*\{")
# Reddit's own form: https://www.reddit.com/dev/api/#listings
LISTING = re.compile(rb'\[?\s*\{\s*"kind"\s*:\s*"Listing"')
RECORDS = re.compile(
    rb'\{.*?"text"\s*:\s*"|\{.*?"(?:data|rows|items|records|documents)"\s*:\s*\[\s*\{', re.DOTALL
)
"""What an object in a folder has if it holds records; others may be settings of anything."""


def json_by_content(start: bytes) -> Literal["jsonl", "json", "threads"] | None:
    r"""Return the kind of JSON that begins with these bytes, None if it isn't JSON.

    A line that is an object is a record; else it may be a thread, which has a list of replies.

    >>> json_by_content(b'{"a": 1}\n{'), json_by_content(b'[{"a": 1}]'), json_by_content(b"[x]")
    ('jsonl', 'json', None)
    """
    if start.startswith(b"\x1e{"):  # a JSON sequence (RFC 7464)
        return "json"
    if not JSON.match(start):
        return None
    first, _, rest = start.partition(b"\n")
    is_line = first.startswith(b"{") and rest.strip() and first.rstrip().endswith(b"}")
    if is_line and (rest.lstrip().startswith(b"{") or _is_json(first)):
        return "jsonl"
    return "threads" if LISTING.match(start) or _has_replies(start) else "json"


def _is_json(data: bytes) -> bool:
    try:
        from_json(data)
    except (ValueError, RecursionError):
        return False
    return True


def _has_replies(start: bytes) -> bool:
    """Return whether one of the first objects has a list of replies, which are objects."""
    depth, record = 0, 2 if start.startswith(b"[") else 1
    for token in JSON_TOKEN.finditer(start):
        mark = token[0][:1]
        if mark == b'"':
            if depth == record and token[1] in REPLIES and REPLY.match(start, token.end()):
                return True
        else:
            depth += 1 if mark in b"[{" else -1
    return False
