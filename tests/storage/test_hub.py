from pathlib import Path

import pytest

from lmkit.artifacts.locations import source_at
from lmkit.errors import InputError
from lmkit.storage.hub import HubDataset, shards_and_version
from lmkit.storage.remote_files import DiskFile, RemoteFile
from tests.conftest import Lmkit, records, texts
from tests.readers.data_set import GOOD, data_set, write


@pytest.fixture
def pages(here: Path) -> Path:
    """A data set of two shards and a test split, in the current folder."""
    return data_set(Path("pages"))


def test_train_is_the_default_split(pages: Path, lmkit: Lmkit) -> None:
    for url, output in (("hf://pages", "a"), ("hf://pages?split=train", "b")):
        assert lmkit("clean", url, "--output", output)[0] == 0
    assert records(Path("a"), "documents") == records(Path("b"), "documents")
    assert lmkit("clean", "hf://pages?split=test", "--output", "c")[0] == 0
    assert texts(Path("c")) == [f"{GOOD} of the test"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("hf://pages?splt=train", "splt: must be split, config or revision; did you mean split?"),
        ("hf://pages?split=trian", "hf://pages?split=trian: cannot be read"),
        ("hf://pages?config=de", "hf://pages?config=de&split=train: cannot be read"),
    ],
)
def test_an_unknown_word_is_reported_before_work_starts(
    pages: Path, lmkit: Lmkit, url: str, message: str
) -> None:
    exit_code, _, err = lmkit("clean", url, "--output", "out")
    assert exit_code == 2 and message in " ".join(err.split())
    assert not Path("out").exists()


def test_a_data_set_that_changed_is_named(pages: Path, lmkit: Lmkit) -> None:
    command = ("clean", "hf://pages", "--output", "out")
    assert lmkit(*command)[0] == 0
    write(pages / "train-1.jsonl", [{"text": f"{GOOD} new", "url": None}])
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "has changed" in err


def test_repositories_are_left_to_fsspec() -> None:
    assert isinstance(source_at("hf://datasets/a/b/train.parquet"), RemoteFile)
    expected = HubDataset("a/b", "en", "test", "main")
    assert source_at(Path("hf://a/b?split=test&config=en&revision=main")) == expected
    assert source_at("hf/a") == DiskFile("hf/a")


def test_an_unknown_name_is_reported(here: Path) -> None:
    with pytest.raises(InputError, match=r"hf://nobody/nothing.*cannot be read") as error:
        shards_and_version(HubDataset("nobody/nothing"))
    assert error.value.hint
