import bz2
import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.bzip2 import bzip2_blocks, next_block


def noise(size: int) -> bytes:
    """Text that can't be compressed much, so that a block has many bytes."""
    return b"".join(
        hashlib.sha256(b"%d" % n).hexdigest().encode() + b"\n" for n in range(size // 65)
    )


def blocks_of(path: Path, place: int = 0) -> list[tuple[int, bytes]]:
    with Range(path, 0, path.stat().st_size) as source:
        return list(bzip2_blocks(source, place))


def test_blocks_joined_are_what_bz2_reads(tmp_path: Path) -> None:
    data = noise(700_000)
    (tmp_path / "a").write_bytes(bz2.compress(data, 1) + bz2.compress(b"more") + bytes(9))
    found = blocks_of(tmp_path / "a")
    assert b"".join(piece for _, piece in found) == data + b"more"
    # bzip2 -1 cuts at 100,000 bytes; a stream's first block has the place of the stream.
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
    packed = bytearray(bz2.compress(noise(500_000), 1))
    (tmp_path / "a").write_bytes(packed)
    whole = blocks_of(tmp_path / "a")
    packed[whole[2][0] + 1_000] ^= 0xFF
    (tmp_path / "a").write_bytes(packed)
    with Range(tmp_path / "a", 0, len(packed)) as source:
        with pytest.raises(CorruptInput, match="damaged") as caught:
            list(bzip2_blocks(source, 0))
        assert caught.value.offset == whole[2][0]
        following = next_block(source, caught.value.offset + 1, len(packed))
        assert following == whole[3][0]
        assert list(bzip2_blocks(source, whole[3][0])) == whole[3:]


@pytest.mark.parametrize("keep", [0, 2, 10, 1_000, -1, -12])
def test_a_file_that_breaks_off_says_so(tmp_path: Path, keep: int) -> None:
    (tmp_path / "a").write_bytes(bz2.compress(noise(10_000))[:keep])
    with pytest.raises(CorruptInput, match=r"truncated|empty|not what its name says"):
        blocks_of(tmp_path / "a")


def test_what_is_no_bzip2_says_so(tmp_path: Path) -> None:
    for data in (b"plain text", b"BZh9" + bytes(5_000_000)):
        (tmp_path / "a").write_bytes(data)
        with pytest.raises(CorruptInput, match=r"not what its name says|damaged"):
            blocks_of(tmp_path / "a")
