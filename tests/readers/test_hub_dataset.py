from pathlib import Path

import pytest

from lmkit.readers import hub_dataset as hub
from lmkit.storage.hub import HubDataset, shards_and_version
from tests.conftest import Lmkit, manifest, records, texts
from tests.readers.data_set import GOOD, data_set, write


@pytest.fixture
def pages(here: Path) -> Path:
    """A data set of two shards and a test split, in the current folder."""
    return data_set(Path("pages"))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_rows_of_a_split_are_documents(pages: Path, lmkit: Lmkit, workers: str) -> None:
    command = ("clean", "hf://pages?split=train", "--output", "out", "--workers", workers)
    assert lmkit(*command, "--shard-bytes", "1000")[0] == 0
    assert texts(Path("out")) == [f"{GOOD} {shard}{n}" for shard in range(2) for n in range(3)]
    found = records(Path("out"), "documents")
    locations = [(row["metadata"]["offset"], row["metadata"]["record"]) for row in found]
    assert locations == [(shard, n) for shard in range(2) for n in range(3)]
    assert {row["source"] for row in found} == {"pages"}
    assert {row["metadata"]["origin"] for row in found} == {"hf://pages?split=train"}
    assert found[0]["metadata"]["url"] == "http://x/0"
    assert len({row["id"] for row in found}) == 6
    assert "up to date" in lmkit(*command, "--shard-bytes", "1000")[2]
    (entry,) = manifest(Path("out"))["inputs"]
    assert len(entry["sha256"]) == 2


def test_a_data_set_that_changes_during_the_work_ends_it(
    pages: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([shards_and_version(HubDataset("pages")), (2, 17)])
    monkeypatch.setattr(hub, "shards_and_version", lambda _: next(answers))
    exit_code, _, err = lmkit("clean", "hf://pages", "--output", "out", "--workers", "1")
    assert exit_code == 1 and "it has changed since the work was planned" in err
    assert not Path("out/manifest.json").exists()


def test_a_network_that_fails_ends_the_run_and_quarantines_nothing(
    pages: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    class UnreachableError(Exception):
        """Like the errors of httpx: not an OSError."""

    load = HubDataset.load

    def breaking(dataset: HubDataset) -> object:
        def rows(row: object) -> object:
            raise UnreachableError("connection reset")

        return load(dataset).map(rows)

    monkeypatch.setattr(HubDataset, "load", breaking)
    exit_code, _, err = lmkit("clean", "hf://pages", "--output", "out", "--workers", "1")
    assert exit_code == 1 and "connection reset" in err
    assert not list(Path("out").glob("quarantine*"))


def test_a_row_without_text_is_quarantined_with_its_location(pages: Path, lmkit: Lmkit) -> None:
    write(pages / "train-1.jsonl", [{"text": None, "url": "a"}, {"text": GOOD, "url": "b"}])
    assert lmkit("clean", "hf://pages", "--output", "out")[0] == 0
    (bad,) = records(Path("out"), "quarantine")
    assert (bad["offset"], bad["record"]) == (1, 0)
    assert texts(Path("out"))[-1] == GOOD
