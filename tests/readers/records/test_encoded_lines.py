from pathlib import Path

import pytest

from lmkit.artifacts.inputs import Slice
from lmkit.readers.options import ReaderConfig
from lmkit.readers.reader import Request
from lmkit.readers.records.encoded_lines import Encoding, detected, encoded_lines
from lmkit.storage.byte_lines import Line
from lmkit.storage.byte_ranges import CorruptInput, Range

# U+0A0A and U+0D0A have the byte of a line feed in either half.
LINES = ["a\u0a0ab", "", "\u0d0a\u0a0d", "x" * 50, "\U0001f600", "end"]


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "cp037"])
@pytest.mark.parametrize("step", [1, 3, 4, 7, 50, 1_000])
def test_each_line_belongs_to_the_range_in_which_it_begins(
    tmp_path: Path, name: str, step: int
) -> None:
    texts = ["ab", "", "c" * 50, "end"] if name == "cp037" else LINES
    data = "\n".join(texts).encode(name)
    (tmp_path / "a").write_bytes(data)
    found: list[tuple[int, str]] = []
    for start in range(0, len(data), step):
        stop = min(start + step, len(data))
        part = Slice(0, "a", "a", "a", "jsonl", "none", start, stop, len(data), 0)
        with Range(tmp_path / "a", start, stop) as source:
            for line in encoded_lines(part, source, Encoding(name), 1_000):
                assert isinstance(line, Line) and line.data is not None
                found.append((line.offset, line.data.decode(name)))
    assert [text for _, text in found] == texts
    for offset, text in found:
        assert data[offset:].startswith(text.encode(name))


def test_a_line_over_the_limit_is_passed_over(tmp_path: Path) -> None:
    data = "\n".join(["a", "b" * 3_000_000, "c"]).encode("utf-16-le")
    (tmp_path / "a").write_bytes(data)
    part = Slice(0, "a", "a", "a", "jsonl", "none", 0, len(data), len(data), 0)
    with Range(tmp_path / "a", 0, len(data)) as source:
        lines = list(encoded_lines(part, source, Encoding("utf-16-le"), 1_000))
    assert [line.data for line in lines if isinstance(line, Line)] == [b"a\0", None, b"c\0"]


@pytest.mark.parametrize(
    ("start", "chosen", "name"),
    [
        (b"\xff\xfea\0", None, "utf-16-le"),
        (b"\xfe\xff\0a", "cp1252", "utf-16-be"),
        (b"\xff\xfe\0\0a\0\0\0", None, "utf-32-le"),
        (b"\xef\xbb\xbfa", "cp1252", "utf-8"),
        (b"caf\xe9", "latin-1", "iso8859-1"),
        (b"a\0b\0c\0", None, "utf-16-le"),
        (b"a\0b\0c\0", "utf-16", "utf-16-le"),
        (b"abc", None, "utf-8"),
    ],
)
def test_the_encoding_of_a_file(start: bytes, chosen: str | None, name: str) -> None:
    request = Request(reading=ReaderConfig(encoding=chosen))
    assert detected(start, request).name == name


def test_binary_data_has_no_encoding() -> None:
    with pytest.raises(CorruptInput, match="PNG"):
        detected(b"\x89PNG\r\n", Request())
