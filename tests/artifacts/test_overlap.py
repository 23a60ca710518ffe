from contextlib import nullcontext
from pathlib import Path

import pytest

from lmkit.artifacts.overlap import refuse_overlap
from lmkit.errors import ConfigError


@pytest.mark.parametrize("output", ["raw", "raw/deep/out", "out", "way/out", "elsewhere"])
def test_overlap_is_found_through_links_and_dots(raw: Path, output: str) -> None:
    (raw / "deep").mkdir()
    Path("out").mkdir()
    Path("out/a.txt").write_text("a")
    Path("way").symlink_to(Path.cwd())
    Path("file.txt").symlink_to("out/a.txt")
    for path in [
        "raw",
        "raw/deep/..",
        "way/raw",
        "raw/cat.txt",
        "out/a.txt",
        "file.txt",
        "way",
        ".",
    ]:
        target, read = Path(output).resolve(), Path(path).resolve()
        clear = target != read and read not in target.parents and target not in read.parents
        with nullcontext() if clear else pytest.raises(ConfigError, match="--output: "):
            refuse_overlap(Path(output), [path])


@pytest.mark.parametrize(
    ("output", "path", "message"),
    [
        ("s3://bucket/a", "s3://bucket/a", "is also an input"),
        ("s3://bucket/a/b", "s3://bucket/a", "s3://bucket/a/b is inside the input s3://bucket/a"),
        ("s3://bucket/a", "s3://bucket/a/b", "the input s3://bucket/a/b is inside s3://bucket/a"),
        ("s3://bucket/a", "s3://bucket/ab", None),
        ("s3://bucket/a", "s3://other/a", None),
        ("s3://bucket/a", "raw", None),
    ],
)
def test_folders_at_urls_are_compared_too(
    raw: Path, output: str, path: str, message: str | None
) -> None:
    with pytest.raises(ConfigError, match=message) if message else nullcontext():
        refuse_overlap(Path(output), [Path(path)])
