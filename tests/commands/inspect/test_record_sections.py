import json
from pathlib import Path

from lmkit.artifacts.documents_file import JsonLinesFile
from tests.commands.inspect.folders import GOOD, inspect
from tests.conftest import Lmkit


def test_a_sample_is_chosen_by_the_seed(work: Path, lmkit: Lmkit) -> None:
    samples = [inspect(lmkit, work / "clean", "--seed", str(seed)) for seed in (0, 0, 1, 2, 3)]
    ids = [[each["id"] for each in found["sample_documents"]] for found in samples]
    assert ids[0] == ids[1] and len(set(map(str, ids))) > 1 and len(ids[0]) == 3
    assert "sample_documents" not in inspect(lmkit, work / "clean", "--samples", "0")


def test_a_long_text_is_truncated(here: Path, lmkit: Lmkit) -> None:
    Path("long.txt").write_text(GOOD * 1_000)
    lmkit("clean", "long.txt", "--output", "out", "--filters.preset", "none")
    (sample,) = inspect(lmkit, "out")["sample_documents"]
    assert sample["text"] == (GOOD * 1_000)[:300] + " ..."


def test_a_sample_does_not_read_a_shard_to_its_end(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text("".join(json.dumps({"text": f"{GOOD} {n}"}) + "\n" for n in "abc"))
    lmkit("dedup", "a.jsonl", "--output", "out", "--minhash.action", "none")
    shard = Path("out/documents-00000.jsonl.zst")
    stated = shard.stat().st_size
    file = JsonLinesFile(shard)
    for number in range(3):
        file.write({"id": str(number), "text": GOOD})
    file.close()
    with shard.open("ab") as more:  # a second block, which can't be decompressed
        more.write(b"(\xb5/\xfd" + bytes(99))
    found = inspect(lmkit, "out")
    assert [each["id"] for each in found["sample_documents"]] == ["0", "1", "2"]
    now = shard.stat().st_size
    assert found["problems"] == [
        {"text": f"{shard}: has {now:,} bytes, had {stated:,} when it was written"}
    ]
