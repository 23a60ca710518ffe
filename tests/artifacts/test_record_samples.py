from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import JsonLinesFile
from lmkit.artifacts.manifest import Output
from lmkit.artifacts.record_samples import pick, read_records
from lmkit.errors import LmkitError


def output(name: str, documents: int) -> Output:
    return Output(name=name, bytes=1, sha256="", counts={"documents": documents})


def shard(path: Path, records: int) -> Path:
    file = JsonLinesFile(path)
    for number in range(records):
        file.write({"id": number})
    file.close()
    return path


def test_a_seed_always_picks_the_same_and_all_seeds_together_pick_everything() -> None:
    shards = [output("a", 2), output("b", 0), output("c", 3)]
    picks = [pick(shards, 1, seed) for seed in range(200)]
    assert picks == [pick(shards, 1, seed) for seed in range(200)]
    found = {(shard.name, number) for shard, (number,) in filter(None, picks)}
    assert found == {("a", 0), ("a", 1), ("c", 0), ("c", 1), ("c", 2)}


def test_no_more_is_picked_than_there_is() -> None:
    assert pick([output("a", 2)], 5, 0) == (output("a", 2), [0, 1])
    assert pick([output("a", 0)], 5, 0) is None
    assert pick([], 5, 0) is None


def test_exactly_the_requested_records_are_read(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.jsonl.zst", 10)
    assert read_records(path, [0, 4, 9]) == [{"id": 0}, {"id": 4}, {"id": 9}]
    assert read_records(path, range(8, 20)) == [{"id": 8}, {"id": 9}]


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.jsonl.zst", 10)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LmkitError, match=r"a\.jsonl\.zst: cannot be read \(truncated"):
        read_records(path, [99])
