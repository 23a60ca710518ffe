import gzip
import random
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from lmkit.storage.byte_ranges import CorruptInput
from lmkit.storage.content_codings import decoded, looks_like_text

WORDS = ["lamp", "tower", "Küste", "маяк", "灯台", "ประภาคาร", "फाटक"]
DRAW = random.Random(1)
TEXT = "<p>" + " ".join(f"{DRAW.choice(WORDS)}{DRAW.random()}" for _ in range(20_000))
BODY = TEXT.encode()


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", lambda data: brotli.compress(data, quality=5)),
    "zstd": ("zstd", zstandard.compress),
}
each = pytest.mark.parametrize("name", list(ENCODERS))


@each
def test_a_coding_is_undone(name: str) -> None:
    coding, encode = ENCODERS[name]
    found = decoded(encode(BODY), [coding], len(BODY), "")
    assert (found.body, found.truncated, found.trailing) == (BODY, False, 0)


@each
def test_a_truncated_body_gives_its_beginning(name: str) -> None:
    coding, encode = ENCODERS[name]
    data = encode(BODY)
    found = decoded(data[: len(data) // 2], [coding], len(BODY), "")
    assert found.truncated and BODY.startswith(found.body)
    assert len(found.body) > len(BODY) // 4


@each
def test_bytes_after_the_end_are_counted(name: str) -> None:
    coding, encode = ENCODERS[name]
    found = decoded(encode(BODY) + b"trailing", [coding], len(BODY), "")
    assert (found.body, found.trailing, found.truncated) == (BODY, 8, False)


@each
def test_a_body_that_was_stored_decoded_is_unchanged(name: str) -> None:
    coding, _ = ENCODERS[name]
    for text in (
        BODY,
        "<p>früh</p>".encode("latin-1") * 10,
        ("<p>" + "текст " * 20).encode("cp1251"),
    ):
        found = decoded(text, [coding], len(text), "")
        assert found.body == text and not found.changed


@each
def test_a_small_body_does_not_become_a_big_one(name: str) -> None:
    coding, encode = ENCODERS[name]
    with pytest.raises(CorruptInput, match="too long"):
        decoded(encode(bytes(100_000_000)), [coding], 1_000_000, "too long")


def test_members_and_frames_are_joined() -> None:
    parts = [BODY[:1_000], b"", BODY[1_000:]]
    for coding, encode in (("gzip", gzip.compress), ("zstd", zstandard.compress)):
        assert decoded(b"".join(map(encode, parts)), [coding], len(BODY), "").body == BODY


def test_a_list_is_undone_in_reverse_order() -> None:
    data = zstandard.compress(brotli.compress(gzip.compress(BODY), quality=1))
    assert decoded(data, ["gzip", "br", "identity", "zstd"], len(BODY), "").body == BODY
    with pytest.raises(CorruptInput, match="more than 4"):
        decoded(data, ["gzip"] * 1_000, len(BODY), "")


@pytest.mark.parametrize("coding", ["compress", "dcb", "aes128gcm", "rot13"])
def test_what_cannot_be_undone_is_named(coding: str) -> None:
    with pytest.raises(CorruptInput, match=coding):
        decoded(gzip.compress(BODY), [coding], len(BODY), "")


def test_a_registered_coding_that_is_not_supported_is_never_read_as_text() -> None:
    with pytest.raises(CorruptInput, match="compress"):
        decoded(BODY, ["compress"], len(BODY), "")


@pytest.mark.parametrize("coding", ["utf-8", "none", "binary"])
def test_what_is_no_coding_counts_as_none_if_the_body_is_text(coding: str) -> None:
    assert decoded(BODY, [coding], len(BODY), "").body == BODY


@pytest.mark.parametrize("name", ["gzip", "br", "zstd", "deflate"])
def test_damage_is_an_error(name: str) -> None:
    coding, encode = ENCODERS[name]
    data = bytearray(encode(BODY))
    middle = len(data) // 2
    data[middle : middle + 50] = bytes(50)
    with pytest.raises(CorruptInput, match=coding):
        decoded(bytes(data), [coding], len(BODY), "")


def test_compressed_data_does_not_look_like_text() -> None:
    assert looks_like_text("Grüße, 世界".encode())
    assert looks_like_text("Grüße".encode("utf-16"))
    for length in (1, 5, 30, 1_000):
        data = TEXT[:length].encode()
        for name in ("gzip", "deflate", "br"):
            assert not looks_like_text(ENCODERS[name][1](data)), (name, length)
