import pickle
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts import sorted_runs
from lmkit.artifacts.tasks import PARTIAL, TaskWriter, run_tasks
from lmkit.errors import LmkitError
from lmkit.packing import row_ranges
from lmkit.packing.best_fit import best_fit
from lmkit.packing.chunking import PIECE
from lmkit.packing.row_index import pack_into_sequences, write_row_index
from lmkit.packing.row_ranges import SplitShards, pack_range, write_row_indexes
from lmkit.packing.token_rows import PIECES, STARTS
from lmkit.packing.token_shards import Shards, ShardWriter, documents_name, tokens_name

LENGTH = 8


class Folder:
    """The steps of an output folder, in this process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, step: str, work: Any, tasks: Any, *, workers: int = 1, label: str) -> list[Any]:
        return run_tasks(self.path, step, work, tasks, workers=1, label=label)


def write_shards(folder: Path, shards: int, seed: int = 0) -> SplitShards:
    """Write shards of documents, some of them empty, long, or equal in their hashes."""
    (folder / "train").mkdir(parents=True)
    chance = np.random.default_rng(seed)
    counts: list[int] = []
    keys = np.append(chance.integers(0, 2**64, 50, np.uint64), np.array([0, 2**64 - 1], np.uint64))
    for number in range(shards):
        names = (folder / "train" / name(number) for name in (tokens_name, documents_name))
        counts.append(int(chance.integers(0, 30)))
        with ShardWriter(*names, vocabulary_size=100) as writer:
            for _ in range(counts[-1]):
                length = int(chance.choice([0, 1, 3, 8, 9, 40]))
                key = int(chance.choice(keys))
                ids = chance.integers(0, 100, length)
                text = int(chance.integers(0, 2))
                writer.append(ids, bytes_of_text=2 * length, key=key, text=text)
    return SplitShards("train", tuple(counts))


def indexed(
    folder: Path, shards: SplitShards, packing: str, monkeypatch: pytest.MonkeyPatch, size: int
) -> tuple[bytes, bytes, dict[str, Any]]:
    """Pack in ranges of about so many documents."""
    monkeypatch.setattr(row_ranges, "RANGE", size)
    monkeypatch.setattr(row_ranges, "BEST_FIT_RANGE", size)
    monkeypatch.setattr(sorted_runs, "RUN", 40)
    monkeypatch.setattr(row_ranges, "BLOCK", 7)
    (folder / PARTIAL).mkdir(exist_ok=True)
    (receipt,) = write_row_indexes(Folder(folder), [shards], packing, LENGTH, 1)  # type: ignore[arg-type]
    starts, pieces = ((folder / "train" / name).read_bytes() for name in (STARTS, PIECES))
    return starts, pieces, receipt.facts


@pytest.mark.parametrize("packing", ["chunk", "document"])
@pytest.mark.parametrize("size", [1, 20, 60])
def test_ranges_give_the_bytes_of_one_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packing: str, size: int
) -> None:
    for seed in range(3):
        shards = write_shards(tmp_path / f"{seed}", 8, seed)
        writer = TaskWriter(tmp_path / f"{seed}", "rows", 0)
        writer.partial.mkdir()
        write_row_index(packing, LENGTH, ("train", 8), writer)
        expected = [(tmp_path / f"{seed}/train" / n).read_bytes() for n in (STARTS, PIECES)]
        found = indexed(tmp_path / f"{seed}", shards, packing, monkeypatch, size)
        assert [*found[:2]] == expected and found[2] == writer.facts
        assert list((tmp_path / f"{seed}" / PARTIAL).glob("train-ranges-*.json")), "in ranges"


def test_best_fit_packs_each_range_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = write_shards(tmp_path, 8)
    _, _, facts = indexed(tmp_path, shards, "best-fit", monkeypatch, 30)
    stored = Shards.at(tmp_path / "train")
    keys, texts = (stored.of_documents(name).tolist() for name in ("key", "text"))
    lengths = stored.of_documents("tokens").astype(np.int64)
    order = sorted(range(len(keys)), key=lambda number: (keys[number], texts[number], number))
    count = -(-len(keys) // 30)
    rows: list[list[tuple[int, int, int]]] = []
    for part in range(count):
        numbers = [number for number in order if keys[number] * count >> 64 == part]
        starts, pieces = best_fit(lengths[numbers], LENGTH)
        for first, stop in pairwise(starts):
            row = pieces[first:stop].tolist()
            rows.append([(numbers[document], start, size) for document, start, size in row])
    found_starts = np.load(tmp_path / "train" / STARTS)
    found = np.load(tmp_path / "train" / PIECES)
    assert found.dtype == PIECE
    assert [found[first:stop].tolist() for first, stop in pairwise(found_starts)] == rows
    assert facts["rows"] == len(rows) and facts["tokens"] == int(lengths.sum())
    assert facts["documents"] == len(keys) and facts["bytes_of_text"] == 2 * int(lengths.sum())


def test_few_documents_are_one_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = write_shards(tmp_path, 4)
    _, _, facts = indexed(tmp_path, shards, "best-fit", monkeypatch, 1_000)
    assert facts == pack_into_sequences(Shards.at(tmp_path / "train"), "best-fit", LENGTH).facts
    assert not list((tmp_path / PARTIAL).glob("train-*"))


@given(
    st.lists(st.lists(st.integers(0, 25), max_size=6), min_size=1, max_size=6),
    st.integers(1, 9),
    st.sampled_from(["chunk", "document"]),
)
def test_a_range_goes_on_with_the_last_sequence_of_those_before_it(
    ranges: list[list[int]], size: int, packing: str
) -> None:
    lengths = np.array([length for part in ranges for length in part], np.int64)
    starts, pieces = pack_range(packing, lengths, size, 0)
    found_starts: list[int] = []
    found: list[tuple[int, int, int]] = []
    first, documents = 0, 0
    for part in ranges:
        begin, more = pack_range(packing, np.array(part, np.int64), size, first)
        found_starts += [len(found) + each for each in begin.tolist()]
        found += [(documents + number, *rest) for number, *rest in more.tolist()]
        first, documents = first + sum(part), documents + len(part)
    assert found_starts == starts.tolist() and found == pieces.tolist()


def test_shards_that_changed_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = write_shards(tmp_path, 4)
    other = SplitShards("train", (shards.documents[0] + 1, *shards.documents[1:]))
    with pytest.raises(LmkitError, match="its shards don't hold what was written"):
        indexed(tmp_path, other, "chunk", monkeypatch, 5)


def test_an_index_that_loses_a_token_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = row_ranges.PACKINGS["chunk"]
    lossy = {"chunk": lambda lengths, size: chunk(np.maximum(0, lengths - 1), size)}
    monkeypatch.setattr(row_ranges, "PACKINGS", lossy)
    with pytest.raises(LmkitError, match="are in sequences: this is a bug"):
        indexed(tmp_path, write_shards(tmp_path, 4), "chunk", monkeypatch, 20)


def test_what_is_sent_to_a_worker_is_small(tmp_path: Path) -> None:
    rows = row_ranges.RangedRows.of(SplitShards("train", (1_000,) * 20_000), "chunk", LENGTH)
    assert rows.count == 10
    assert len(pickle.dumps(partial(rows.write_range, [0] * 10))) < 200_000
