import hashlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.execution.meter import read_here
from lmkit.storage.byte_ranges import Range, hash_range

MOVES = st.lists(st.tuples(st.integers(0, 40), st.integers(-1, 20)), max_size=8)


@given(start=st.integers(0, 20), size=st.integers(0, 20), moves=MOVES)
def test_the_hash_is_that_of_the_range_however_it_was_read(
    tmp_path_factory: pytest.TempPathFactory, start: int, size: int, moves: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("x") / "a"
    data = bytes(range(40))
    path.write_bytes(data)
    with Range(path, start, start + size) as source:
        for position, count in moves:
            source.seek(position)
            expected = data[position:] if count < 0 else data[position : position + count]
            assert source.read(count) == expected
        assert source.sha256() == hashlib.sha256(data[start : start + size]).hexdigest()
    assert hash_range(path, 0, 40) == hashlib.sha256(data).hexdigest()


@given(start=st.integers(0, 20), size=st.integers(0, 20), moves=MOVES)
def test_what_is_counted_is_the_range_however_it_was_read(
    tmp_path_factory: pytest.TempPathFactory, start: int, size: int, moves: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("x") / "a"
    path.write_bytes(bytes(range(40)))
    before = read_here().bytes
    with Range(path, start, start + size, counted=True) as source:
        for position, count in moves:
            source.seek(position)
            source.read(count)
            assert read_here().bytes - before <= size
    assert read_here().bytes - before == size
    hash_range(path, 0, 40)
    assert read_here().bytes - before == size


def test_nothing_is_read_twice_for_the_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(5_000_000))
    with Range(tmp_path / "a", 0, 5_000_000) as source:
        while source.read(1 << 20):
            pass
        before = source.position
        source.sha256()
        assert source.position == before


def test_libraries_accept_a_range_as_a_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", "some text")
    size = (tmp_path / "a.zip").stat().st_size
    with Range(tmp_path / "a.zip", 0, size) as source:
        assert zipfile.ZipFile(source).read("x") == b"some text"  # type: ignore[arg-type]
        assert source.sha256() == hash_range(tmp_path / "a.zip", 0, size)
