import gzip

import pytest

from lmkit.readers.http_response import parse_response
from lmkit.storage.byte_ranges import CorruptInput


def test_chunks_and_gzip_are_decoded() -> None:
    body = gzip.compress(b"hello")
    chunked = b"5\r\n" + body[:5] + b"\r\n%x\r\n" % (len(body) - 5) + body[5:] + b"\r\n0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    assert parse_response(head + chunked, 100, "long").body == b"hello"


def test_a_decompression_bomb_is_refused() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    with pytest.raises(CorruptInput, match="long"):
        parse_response(head + gzip.compress(bytes(10_000_000)), 1_000, "long")
