import gzip
from pathlib import Path

from lmkit.readers.members import members


def test_each_member_belongs_to_the_range_it_begins_in(tmp_path: Path) -> None:
    parts = [gzip.compress(b"WARC/%d" % n) for n in range(3)]
    (tmp_path / "a").write_bytes(b"".join(parts))
    one, size = len(parts[0]), sum(map(len, parts))
    for start, stop, expected in ((0, one, [b"WARC/0"]), (1, size, [b"WARC/1", b"WARC/2"])):
        found = [b"".join(p) for _, p in members(tmp_path / "a", start, stop, b"WARC/")]
        assert found == expected
