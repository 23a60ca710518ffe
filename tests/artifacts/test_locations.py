import os
from pathlib import Path

import fsspec
import pytest

from lmkit.artifacts.locations import (
    FinishedFolder,
    LocalFile,
    LocalFolder,
    finished_remote_folder,
    located,
)
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


def test_a_finished_folder_at_a_url_holds_what_its_manifest_lists(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "out")
    top = RemoteFile("memory:/locations/out", "memory://locations/out")
    files = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    states = {name: State(len(data), 0) for name, data in files.items()}
    file_system = fsspec.filesystem("memory")
    assert finished_remote_folder(top, {}) is None
    with pytest.raises(InputError, match="memory://locations/out: not finished"):
        finished_remote_folder(top, {".partial/plan.json": State(1, 0)})
    file_system.pipe("/locations/out/manifest.json", files["manifest.json"])
    found = finished_remote_folder(top, states)
    assert found and found.path == Path("memory:/locations/out") and found.manifest.stage == "clean"
    name = found.manifest.outputs[0].name
    with pytest.raises(InputError, match=f"out/{name}: has another size"):
        finished_remote_folder(top, states | {name: State(1, 0)})
    del states[name]
    with pytest.raises(InputError, match=f"out/{name}: is missing"):
        finished_remote_folder(top, states)
    file_system.pipe("/locations/out/manifest.json", b'{"stage": "clean", "lmkit": "1"}')
    with pytest.raises(InputError, match=r"out/manifest.json: damaged"):
        finished_remote_folder(top, states)
    file_system.pipe("/locations/out/manifest.json", b'{"name": "of another program"}')
    assert finished_remote_folder(top, states) is None
    file_system.rm("/locations", recursive=True)
