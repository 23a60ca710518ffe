import bz2
import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.bzip2 import bzip2_blocks, next_block


def noise(size: int) -> bytes:
    """Text that compresses badly, so that a block has many bytes."""
    return b"".join(
        hashlib.sha256(b"%d" % n).hexdigest().encode() + b"\n" for n in range(size // 65)
    )


def blocks_of(path: Path, offset: int = 0) -> list[tuple[int, bytes]]:
    with Range(path, 0, path.stat().st_size) as source:
        return list(bzip2_blocks(source, offset))


def test_blocks_joined_are_what_bz2_reads(tmp_path: Path) -> None:
    data = noise(700_000)
    (tmp_path / "a").write_bytes(bz2.compress(data, 1) + bz2.compress(b"more") + bytes(9))
    found = blocks_of(tmp_path / "a")
    assert b"".join(piece for _, piece in found) == data + b"more"
    # bzip2 -1 splits at 100,000 bytes; a stream's first block has the offset of the stream.
    assert len(found) == 9 and found[0][0] == 0
    assert found[-1][0] == len(bz2.compress(data, 1))


def test_reading_may_begin_at_any_block(tmp_path: Path) -> None:
    data = noise(500_000)
    (tmp_path / "a").write_bytes(bz2.compress(data, 1))
    found = blocks_of(tmp_path / "a")
    size = (tmp_path / "a").stat().st_size
    with Range(tmp_path / "a", 0, size) as source:
        for before, after in pairwise(found):
            assert next_block(source, before[0] + 1, size) == after[0]
            assert next(bzip2_blocks(source, after[0])) == after
        assert next_block(source, found[-1][0] + 1, size) is None


def test_damage_costs_one_block(tmp_path: Path) -> None:
    compressed = bytearray(bz2.compress(noise(500_000), 1))
    (tmp_path / "a").write_bytes(compressed)
    whole = blocks_of(tmp_path / "a")
    compressed[whole[2][0] + 1_000] ^= 0xFF
    (tmp_path / "a").write_bytes(compressed)
    with Range(tmp_path / "a", 0, len(compressed)) as source:
        with pytest.raises(CorruptInput, match="damaged") as caught:
            list(bzip2_blocks(source, 0))
        assert caught.value.offset == whole[2][0]
        following = next_block(source, caught.value.offset + 1, len(compressed))
        assert following == whole[3][0]
        assert list(bzip2_blocks(source, whole[3][0])) == whole[3:]


@pytest.mark.parametrize("keep", [0, 2, 10, 1_000, -1, -12])
def test_a_truncated_file_is_an_error(tmp_path: Path, keep: int) -> None:
    (tmp_path / "a").write_bytes(bz2.compress(noise(10_000))[:keep])
    with pytest.raises(CorruptInput, match=r"truncated|empty|not what its name says"):
        blocks_of(tmp_path / "a")


def test_data_that_is_not_bzip2_is_an_error(tmp_path: Path) -> None:
    for data in (b"plain text", b"BZh9" + bytes(5_000_000)):
        (tmp_path / "a").write_bytes(data)
        with pytest.raises(CorruptInput, match=r"not what its name says|damaged"):
            blocks_of(tmp_path / "a")
