import json
import subprocess
import sys
from pathlib import Path

from tests.commands.inspect.folders import GOOD, inspect
from tests.conftest import Lmkit


def test_a_folder_of_documents_shows_its_command_and_its_counts(work: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, work / "clean")
    assert (found["made"]["stage"], found["made"]["lmkit"]) == ("clean", "0.1.0")
    raw_bytes = sum(path.stat().st_size for path in Path("raw").iterdir())
    assert found["inputs"] == [{"source": "raw", "path": "raw", "files": 7, "bytes": raw_bytes}]
    assert found["changed_options"] == {"filters.min_characters": 20}
    assert found["counts"]["in"] == 7 and found["counts"]["out"] == 5
    assert found["counts"]["dropped"] == {"too_short": 1} and found["counts"]["quarantined"] == 1
    assert {output["name"]: output["documents"] for output in found["outputs"]} == {
        "documents-00000.jsonl.zst": 5,
        "signals-00000.parquet": 6,
        "quarantine-00000.jsonl.zst": 1,
        "rejected-00000.jsonl.zst": 1,
    }
    (rejected,), (bad,) = found["sample_rejected"], found["sample_quarantine"]
    assert (rejected["text"], rejected["reason"], bad["origin"]) == ("hi", "too_short", "bad.txt")


def test_missing_or_damaged_files_are_named_and_the_rest_is_shown(work: Path, lmkit: Lmkit) -> None:
    (work / "clean" / "rejected-00000.jsonl.zst").unlink()
    shard = work / "clean" / "documents-00000.jsonl.zst"
    shard.write_bytes(bytes(shard.stat().st_size))
    found = inspect(lmkit, work / "clean")
    assert found["problems"] == [{"text": "work/clean/rejected-00000.jsonl.zst: missing"}]
    assert "cannot be read" in found["sample_documents"][0]["text"]
    assert found["counts"]["in"] == 7


def test_many_inputs_are_summed(here: Path, lmkit: Lmkit) -> None:
    for number in range(30):
        Path(f"{number:02}.txt").write_text(GOOD)
    lmkit("clean", *sorted(here.glob("*.txt")), "--output", "out")
    inputs = inspect(lmkit, "out")["inputs"]
    assert len(inputs) == 21 and inputs[-1]["source"] == "and 10 more sources"
    assert sum(each["files"] for each in inputs) == 30
    assert sum(each["bytes"] for each in inputs) == 30 * len(GOOD)


def test_a_folder_of_another_stage_is_read_with_the_defaults_of_that_stage(work: Path) -> None:
    command = [sys.executable, "-m", "lmkit", "inspect", str(work / "clean"), "--json"]
    run = subprocess.run(command, check=True, capture_output=True)
    assert json.loads(run.stdout)["changed_options"] == {"filters.min_characters": 20}
