from pathlib import Path

import pytest

from lmkit.bounded_files import read_bounded


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"x" * 3_000_000)
    assert read_bounded(path) == b"x" * 3_000_000


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(OSError, match="larger than 5,000,000 bytes"):
        read_bounded(Path("/dev/zero"), limit=5_000_000)
