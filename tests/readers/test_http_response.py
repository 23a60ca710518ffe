import gzip

import brotli
import pytest

from lmkit.readers.http_response import parse_response
from lmkit.storage.byte_ranges import CorruptInput

PAGE = "<html><body><p>Маяк на мысе. 岬の灯台。 The lamp.</p></body></html>".encode()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 7, end: bytes = b"0\r\n\r\n") -> bytes:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def body_of(data: bytes) -> bytes:
    found = parse_response(data, 10_000, "too long")
    assert not found.truncated and not found.trailing
    return found.body


def test_chunks_and_gzip_are_decoded() -> None:
    coded = chunked(gzip.compress(PAGE, mtime=0))
    headers = ("Transfer-Encoding: chunked", "Content-Encoding: gzip")
    assert body_of(response(coded, *headers)) == PAGE
    assert body_of(response(coded, "Transfer-Encoding: gzip, chunked")) == PAGE
    assert body_of(response(gzip.compress(PAGE, mtime=0), *headers)) == PAGE
    assert body_of(response(PAGE, *headers)) == PAGE


def test_codings_on_several_lines_are_one_list() -> None:
    coded = brotli.compress(gzip.compress(PAGE, mtime=0))
    assert body_of(response(coded, "Content-Encoding: gzip", "content-encoding: br")) == PAGE
    assert body_of(response(coded, "Content-Encoding: gzip , BR")) == PAGE


def test_chunks_may_have_extensions_and_trailers() -> None:
    coded = b"5;name=value\r\nHello\r\n06 \r\n world\r\n0\r\nExpires: never\r\n\r\n"
    assert body_of(response(coded, "Transfer-Encoding: chunked")) == b"Hello world"


def test_a_text_whose_first_line_looks_like_a_size_is_not_in_chunks() -> None:
    text = b"20\r\nThis many keepers have lived here, and more."
    assert body_of(response(text, "Transfer-Encoding: chunked")) == text
    text = b"Dada walks\r\nalong the shore."
    assert body_of(response(text, "Transfer-Encoding: chunked")) == text


@pytest.mark.parametrize("end", [b"", b"1", b"ff\r\nthe rest", b"3\r\nabc"])
def test_chunks_without_an_end_are_truncated(end: bytes) -> None:
    found = parse_response(
        response(chunked(PAGE, end=end), "Transfer-Encoding: chunked"), 10_000, ""
    )
    assert found.truncated and found.body.startswith(PAGE)


def test_damaged_chunks_are_an_error() -> None:
    coded = chunked(PAGE, 10).replace(b"\r\na\r\n", b"\r\nxyz\r\n", 1)
    with pytest.raises(CorruptInput, match="chunked"):
        parse_response(response(coded, "Transfer-Encoding: chunked"), 10_000, "")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PAGE[:60], [f"Content-Length: {len(PAGE)}"]),
        (gzip.compress(PAGE, mtime=0)[:-12], ["Content-Encoding: gzip"]),
        (gzip.compress(PAGE, mtime=0)[:70], ["Content-Encoding: gzip"]),
        (brotli.compress(PAGE)[:60], ["Content-Encoding: br"]),
    ],
)
def test_a_truncated_body_is_noticed(body: bytes, headers: list[str]) -> None:
    found = parse_response(response(body, *headers), 10_000, "")
    assert found.truncated and found.body and PAGE.startswith(found.body)


def test_the_length_of_a_body_that_was_stored_decoded_means_nothing() -> None:
    headers = ("Content-Encoding: gzip", f"Content-Length: {len(PAGE) + 20}")
    assert body_of(response(PAGE, *headers)) == PAGE


def test_a_body_of_which_nothing_is_left_is_an_error() -> None:
    data = response(gzip.compress(PAGE, mtime=0)[:10], "Content-Encoding: gzip")
    with pytest.raises(CorruptInput, match="truncated"):
        parse_response(data, 10_000, "")


def test_bytes_after_the_end_are_counted() -> None:
    data = response(chunked(PAGE) + b"HTTP/1.1", "Transfer-Encoding: chunked")
    assert parse_response(data, 10_000, "").trailing == 8


def test_a_decompression_bomb_is_refused() -> None:
    for coded, coding in (
        (gzip.compress(bytes(10**7), mtime=0), "gzip"),
        (brotli.compress(bytes(10**7)), "br"),
    ):
        with pytest.raises(CorruptInput, match="long"):
            parse_response(response(coded, f"Content-Encoding: {coding}"), 1_000, "long")


def test_compressed_text_without_a_header_is_decompressed() -> None:
    assert body_of(response(gzip.compress(PAGE, mtime=0))) == PAGE
    twice = gzip.compress(gzip.compress(PAGE, mtime=0))
    assert body_of(response(twice, "Content-Encoding: gzip")) == PAGE


def test_the_final_response_follows_an_interim_one() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\n" + response(PAGE)
    found = parse_response(data, 10_000, "")
    assert (found.status, found.body, found.charset) == (200, PAGE, "utf-8")
