from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts import output_stores
from lmkit.artifacts.local_destination import LocalDestination
from lmkit.artifacts.output_stores import default_scratch, destination_of
from lmkit.artifacts.remote_destination import RemoteDestination
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.pack.options import PackConfig
from lmkit.errors import RequestError
from tests.artifacts.faulty_store import FaultyFileSystem, faulty_store
from tests.conftest import Lmkit


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FaultyFileSystem]]:
    with faulty_store(monkeypatch) as store:
        yield store


def clean(output: str, **more: Any) -> CleanConfig:
    return CleanConfig.model_validate({"inputs": ["a"], "output": output, **more})


def test_an_output_is_on_a_disk_or_in_a_store(
    here: Path, faulty: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    assert isinstance(destination_of(clean("out")), LocalDestination)
    found = destination_of(clean("faulty://bucket/out", retries=9))
    assert isinstance(found, RemoteDestination) and found.shown == "faulty://bucket/out"
    assert found.folder.parent == default_scratch() == here / "cache/lmkit/outputs"
    assert found.upload and found.upload.store.retries == 9 and not found.upload.keeps
    values = {"inputs": ["a"], "output": "faulty://bucket/out", "scratch": "shared"}
    packed = destination_of(PackConfig.model_validate(values))
    assert packed.folder.parent == Path("shared")
    assert packed.upload and packed.upload.keeps
    assert not list(here.iterdir()), "nothing is written before it is locked"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "https://host/out"}, "nothing is written to https://"),
        ({"output": "hf://datasets/a/b"}, "nothing is written to hf://"),
        ({"output": "file:///data/out"}, "file:///data/out: a path on this machine"),
        ({"output": "fau1ty://bucket/out"}, "fau1ty:// is not known"),
        ({"output": "out", "scratch": "x"}, "--scratch: got x, but --output out is a folder"),
        (
            {"output": "faulty://b/out", "scratch": __file__},
            f"--scratch: {__file__} is not a folder",
        ),
        (
            {"output": "faulty://b/out", "scratch": f"{__file__}/a/b"},
            f"--scratch: {__file__} is not a folder",
        ),
        ({"output": "faulty://b/out", "executor": "ray"}, "--executor ray: --scratch is missing"),
        ({"output": "faulty://b/out", "executor": "slurm"}, "slurm: --scratch is missing"),
    ],
)
def test_what_cannot_work_is_refused(
    here: Path, faulty: object, options: dict[str, str], message: str
) -> None:
    with pytest.raises(RequestError) as error:
        destination_of(clean(**options))
    assert message in str(error.value)
    assert not list(here.iterdir())


def test_a_missing_package_is_named_and_nothing_is_written(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: Any, **__: Any) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", without)
    before = sorted(Path.cwd().iterdir())
    exit_code, _, err = lmkit("clean", "raw", "--output", "s3://bucket/none")
    assert exit_code == 2 and "Install s3fs" in err and "pip install 's3fs>=" in err
    assert sorted(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(
    "command",
    [
        ("pretrain", "packed"),
        ("eval", "run"),
        ("export", "run"),
        ("report", "work"),
        ("train-classifier", "good", "ordinary"),
    ],
)
def test_other_commands_write_to_a_disk_only(
    here: Path, lmkit: Lmkit, command: tuple[str, ...]
) -> None:
    exit_code, _, err = lmkit(*command, "--output", "s3://bucket/out")
    assert exit_code == 2 and "--output" in err and "must be a folder on a disk" in err
    assert not list(here.iterdir())


def test_retries_without_the_option_are_its_default() -> None:
    assert output_stores.RETRIES == 5
