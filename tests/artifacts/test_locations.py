import os
from pathlib import Path

import pytest

from lmkit.artifacts.locations import FinishedFolder, LocalFile, LocalFolder, located
from lmkit.errors import InputError
from lmkit.storage.hub import HubDataset
from lmkit.storage.remote_files import RemoteFile, State
from tests.conftest import Lmkit


def test_what_is_typed_is_resolved_by_what_is_there(raw: Path, lmkit: Lmkit) -> None:
    state = (raw / "cat.txt").stat()
    assert located("raw/cat.txt") == LocalFile(
        "raw/cat.txt", State(state.st_size, state.st_mtime_ns)
    )
    assert located("raw") == LocalFolder("raw")
    lmkit("clean", "raw", "--output", "out")
    finished = located("out")
    assert isinstance(finished, FinishedFolder)
    assert (finished.path, finished.manifest.stage) == (Path("out"), "clean")


def test_a_url_is_resolved_without_a_look_at_it(here: Path) -> None:
    assert located("s3:/bucket/a.txt") == RemoteFile("s3:/bucket/a.txt", "s3://bucket/a.txt")
    assert located("hf:/a/b?split=test") == HubDataset("a/b", split="test")
    Path("hf:").mkdir()
    Path("hf:/a").touch()
    assert isinstance(located("hf:/a"), LocalFile)  # a file of that name takes precedence


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("nowhere", "nowhere: no such file or folder"),
        ("hf:/a?splt=x", "hf://a: splt: must be split"),
        ("pipe", "pipe: a pipe, socket or device; must be a file or folder"),
        ("a\0b", "cannot be read: embedded null byte"),
    ],
)
def test_what_cannot_be_read_is_refused(here: Path, typed: str, message: str) -> None:
    os.mkfifo("pipe")
    with pytest.raises(InputError) as error:
        located(typed)
    assert message in error.value.message.replace("?splt=x", "")
