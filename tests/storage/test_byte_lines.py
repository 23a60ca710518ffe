import bz2
import gzip
import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lmkit.storage.byte_lines import Line, lines, lines_around_damage
from lmkit.storage.byte_ranges import Compression, CorruptInput, Range

COMPRESS: dict[Compression, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


def read_lines(path: Path, compression: Compression, limit: int = 1 << 20) -> list[Line]:
    with Range(path, 0, path.stat().st_size) as source:
        return list(lines(source, compression, limit))


@given(text=st.text("ab\n", max_size=60), split_points=st.lists(st.integers(0, 60), max_size=4))
def test_ranges_partition_the_lines_and_hash_their_bytes(
    tmp_path_factory: pytest.TempPathFactory, text: str, split_points: list[int]
) -> None:
    path = tmp_path_factory.mktemp("x") / "a"
    data = text.encode()
    path.write_bytes(data)
    edges = [0, *sorted(cut for cut in set(split_points) if 0 < cut < len(data)), len(data)]
    found: list[bytes | None] = []
    for start, stop in pairwise(edges):
        with Range(path, start, stop) as source:
            part = list(lines(source, "none", 1 << 20))
            assert source.sha256() == hashlib.sha256(data[start:stop]).hexdigest()
        assert all(start <= line.offset < stop for line in part)
        assert all(data[line.offset :].startswith(line.data or b"") for line in part)
        found += [line.data for line in part]
    assert found == data.removesuffix(b"\n").split(b"\n") if data else not found


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_line_of_a_compressed_file_has_the_offset_of_its_member_and_its_index(
    tmp_path: Path, compression: Compression
) -> None:
    first, second = (COMPRESS[compression](text) for text in (b"a\nb\nc", b"d\ne\n"))
    (tmp_path / "a").write_bytes(first + second)
    at = len(first)
    assert read_lines(tmp_path / "a", compression) == [
        Line(0, 0, b"a"),
        Line(0, 1, b"b"),
        Line(0, 2, b"cd"),
        Line(at, 1, b"e"),
    ]


def test_gzip_may_be_padded_with_zeros(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(b"a\n") + bytes(512))
    assert [line.data for line in read_lines(tmp_path / "a", "gzip")] == [b"a"]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("keep", [0, 5, 0.5, -1])
def test_a_truncated_file_yields_its_complete_lines_and_then_an_error(
    tmp_path: Path, compression: Compression, keep: float
) -> None:
    text = b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() + b"\n" for n in range(20_000))
    data = COMPRESS[compression](text)
    (tmp_path / "a").write_bytes(data[: int(keep if keep != 0.5 else len(data) / 2)])
    whole: list[Line] = []
    with (
        Range(tmp_path / "a", 0, len(data)) as source,
        pytest.raises(CorruptInput, match="empty" if keep == 0 else "truncated"),
    ):
        for line in lines(source, compression, 1 << 20):
            whole.append(line)
    assert [line.data for line in whole] == text.splitlines()[: len(whole)]
    assert len(whole) > 5_000 if keep in {0.5, -1} else not whole


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_uncompressed_data_in_a_compressed_file_is_an_error(
    tmp_path: Path, compression: Compression
) -> None:
    (tmp_path / "a").write_text("plain text")
    with pytest.raises(CorruptInput, match="not what its name says"):
        read_lines(tmp_path / "a", compression)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_line_over_the_limit_is_streamed_past(tmp_path: Path, compression: Compression) -> None:
    data = b"a\n" + b"x" * 3_000_000 + b"\nb\n"
    (tmp_path / "a").write_bytes(data if compression == "none" else gzip.compress(data))
    assert [line.data for line in read_lines(tmp_path / "a", compression, 9)] == [b"a", None, b"b"]


def test_running_out_of_memory_is_not_corrupt_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poor:
        eof, unused_data = False, b""

        def decompress(self, data: bytes) -> bytes:
            raise zstandard.ZstdError("Allocation error : not enough memory")

    monkeypatch.setattr("lmkit.storage.compressed_members._zstd_frame", Poor)
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(MemoryError):
        read_lines(tmp_path / "a", "zstd")


def test_a_zstd_frame_that_needs_terabytes_is_damaged(tmp_path: Path) -> None:
    # RFC 8878, 3.1.1.1.2: the window of this header is 2 ** (10 + 31) bytes.
    (tmp_path / "a").write_bytes(b"\x28\xb5\x2f\xfd\x00" + bytes([31 << 3]) + b"x" * 99)
    with pytest.raises(CorruptInput, match="too much memory"):
        read_lines(tmp_path / "a", "zstd")


ALL_COMPRESS: dict[Compression, Callable[[bytes], bytes]] = {**COMPRESS, "bzip2": bz2.compress}
TEXTS = st.lists(st.text("ab\n", max_size=9), min_size=1, max_size=8)
SPLIT_POINTS = st.lists(st.integers(1, 400), max_size=4)


@pytest.mark.parametrize("compression", ALL_COMPRESS)
@given(members=TEXTS, split_points=SPLIT_POINTS)
def test_ranges_of_compressed_files_partition_the_lines(
    tmp_path_factory: pytest.TempPathFactory,
    compression: Compression,
    members: list[str],
    split_points: list[int],
) -> None:
    path = tmp_path_factory.mktemp("x") / "a"
    data = "".join(members).encode()
    compressed = b"".join(ALL_COMPRESS[compression](member.encode()) for member in members)
    path.write_bytes(compressed)
    whole = read_lines(path, compression)
    assert [line.data for line in whole] == (data.removesuffix(b"\n").split(b"\n") if data else [])
    found: list[Line] = []
    for start, stop in pairwise(
        [0, *sorted(c for c in set(split_points) if c < len(compressed)), len(compressed)]
    ):
        with Range(path, start, stop) as source:
            found += lines(source, compression, 1 << 20)
            assert source.sha256() == hashlib.sha256(compressed[start:stop]).hexdigest()
    assert found == whole


def test_after_damage_reading_continues_with_the_next_member(tmp_path: Path) -> None:
    parts = [gzip.compress(b"%d\n" % n * 9 + b"half") for n in range(3)]
    broken = bytearray(parts[1])
    broken[-6] ^= 1  # its CRC
    (tmp_path / "a").write_bytes(parts[0] + broken + parts[2])
    with Range(tmp_path / "a", 0, sum(map(len, parts))) as source:
        found = list(lines_around_damage(source, "gzip", 99))
    damage = [line for line in found if isinstance(line, CorruptInput)]
    assert [error.offset for error in damage] == [len(parts[0])]
    kept = [line.data for line in found if isinstance(line, Line)]
    assert kept[:9] == [b"0"] * 9 and kept[-10:] == [*[b"2"] * 9, b"half"]
