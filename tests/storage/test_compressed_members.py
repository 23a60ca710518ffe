import bz2
import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from lmkit.storage.byte_ranges import CompressionFormat, CorruptInput, Range
from lmkit.storage.compressed_members import first_member, members, next_member

COMPRESS: dict[CompressionFormat, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
}


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_member_belongs_to_the_range_in_which_it_begins(
    tmp_path: Path, compression: CompressionFormat
) -> None:
    parts = [COMPRESS[compression](b"WARC/%d" % n) for n in range(3)]
    (tmp_path / "a").write_bytes(b"".join(parts))
    one, size = len(parts[0]), sum(map(len, parts))
    for start, stop, expected in ((0, one, [b"WARC/0"]), (1, size, [b"WARC/1", b"WARC/2"])):
        with Range(tmp_path / "a", start, stop) as source:
            found = [b"".join(p) for _, p in members(source, compression, re.compile(rb"WARC/"))]
        assert found == expected


@pytest.mark.parametrize("compression", COMPRESS)
def test_damage_costs_one_member(tmp_path: Path, compression: CompressionFormat) -> None:
    parts = [COMPRESS[compression](b"WARC/%d " % n * 40) for n in range(4)]
    broken = bytearray(parts[1])
    broken[len(broken) // 2] ^= 0xFF
    (tmp_path / "a").write_bytes(b"".join([parts[0], broken, *parts[2:]]))
    found: list[bytes] = []
    with Range(tmp_path / "a", 0, sum(map(len, parts))) as source:
        for offset, pieces in members(source, compression, re.compile(rb"WARC/")):
            try:
                found.append(b"".join(pieces))
            except CorruptInput as damage:
                found.append(b"damaged")
                assert damage.offset == offset == len(parts[0])
    if compression == "zstd":  # a frame without a checksum, as this one is, may hide a changed byte
        assert found[0] == b"WARC/0 " * 40 and found[2:] == [b"WARC/2 " * 40, b"WARC/3 " * 40]
    else:
        assert found == [b"WARC/0 " * 40, b"damaged", b"WARC/2 " * 40, b"WARC/3 " * 40]


def test_first_bytes_alone_make_no_member(tmp_path: Path) -> None:
    fake = b"x" * 100 + b"\x1f\x8b\x08\0" + b"y" * 100
    (tmp_path / "a").write_bytes(fake + gzip.compress(b"text"))
    size = (tmp_path / "a").stat().st_size
    with Range(tmp_path / "a", 1, size) as source:
        assert first_member(source, "gzip") == len(fake)
        assert next_member(source, "gzip", len(fake) + 1, size) is None
        assert next_member(source, "gzip", 1, len(fake)) is None
