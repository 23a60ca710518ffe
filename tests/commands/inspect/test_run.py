import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts.documents_file import JsonLinesFile
from lmkit.cli import main
from lmkit.commands.clean import steps as cleaning
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.clean.run import clean
from lmkit.errors import LmkitError
from tests.conftest import TEXTS, Lmkit, manifest, records, texts

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little."
HOSTILE = "\x1b[31m[bold]red[/] \x07 and a text that is long enough to be packed"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of every stage up to pack, from documents of which two are hostile."""
    folder = tmp_path_factory.mktemp("built")
    raw = folder / "raw"
    raw.mkdir()
    for name, text in TEXTS.items():
        (raw / name).write_text(text)
    for name in ("one", "two"):
        (raw / f"{name}.jsonl").write_text(json.dumps({"id": name, "text": HOSTILE + name}) + "\n")
    (raw / "bad.txt").write_bytes(b"caf\xe9")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (
            "clean raw --output work/clean --filters.min-characters 20",
            "train-tokenizer work/clean --output work/tokenizer --vocab-size 600",
            "pack work/clean --tokenizer work/tokenizer --output work/packed --sequence-length 16",
        ):
            assert main(command.split()) == 0
    return folder


@pytest.fixture
def work(built: Path, here: Path) -> Path:
    """A copy of them, in the current folder."""
    shutil.copytree(built, here, dirs_exist_ok=True)
    return Path("work")


def inspect(lmkit: Lmkit, *arguments: str | Path) -> dict[str, Any]:
    exit_code, out, err = lmkit("inspect", *arguments, "--json")
    assert (exit_code, err) == (0, "")
    return json.loads(out)


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


def test_no_text_can_control_the_terminal(here: Path, lmkit: Lmkit) -> None:
    record = {"id": HOSTILE, "source": HOSTILE, "text": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    Path("hostile.jsonl").write_text(json.dumps(record))
    lmkit("dedup", "hostile.jsonl", "--output", "out")
    exit_code, out, _ = lmkit("inspect", "out")
    assert exit_code == 0 and not set(out) & {"\x1b", "\x07"}
    assert "[bold]red[/]" in out and r"\x1b[31m" in out


def test_a_pipe_gets_plain_lines_of_full_width(work: Path) -> None:
    long = Path("a" * 90, "b" * 90)
    long.parent.mkdir()
    (work / "clean").rename(long)
    environment = os.environ | {"COLUMNS": "40", "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "lmkit", "inspect", str(long)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert str(long) in run.stdout and "\x1b" not in run.stdout and "╭" not in run.stdout


def test_a_tokenizer_is_shown_with_an_example(work: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, work / "tokenizer")
    details = manifest(work / "tokenizer")["details"]
    (row,) = details.pop("report")
    assert details.pop("lacks") == []
    assert found["tokenizer"] == details
    longest = row.pop("longest_tokens")
    assert found["report"] == [row]
    assert [entry["token"] for entry in found["longest_tokens"]] == [repr(t) for t in longest]
    pieces = "".join(each["piece"] for each in found["sample_pieces"])
    assert pieces.startswith("Once upon a time")
    assert "<mask>" in found["special_tokens"][0]["text"]


def test_a_packed_folder_shows_splits_and_a_sequence_with_its_documents(
    work: Path, lmkit: Lmkit
) -> None:
    details = manifest(work / "packed")["details"]
    found = inspect(lmkit, work / "packed")
    assert [split["side"] for split in found["sides"]] == ["train", "validation"]
    for split in found["sides"]:
        made = details[split["side"]]
        assert split["rows"] * 16 == split["tokens"] + split["padding"]
        ratio = made["bytes_of_text"] / made["tokens"]
        assert split["bytes_per_token"] == pytest.approx(ratio, abs=1e-3)
    every = [inspect(lmkit, work / "packed", "--seed", str(seed)) for seed in range(30)]
    pieces = [piece for each in every for piece in each["sample_row"] if "then" in piece]
    ends = {piece["then"]: piece["ids"][-1] for piece in pieces}
    assert ends["the document ends"] == details["eos"]
    assert ends["the document continues in another sequence"] != details["eos"]
    all_text = "\n".join(texts(work / "clean"))
    assert all(piece["text"] in all_text for piece in pieces)


def test_an_unfinished_folder_shows_its_progress(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = cleaning.normalize

    def failing(text: str, rules: object, *more: object) -> str:
        if "log" in text:
            raise LmkitError("the disk is on fire")
        return original(text, rules, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(cleaning, "normalize", failing)
    with pytest.raises(LmkitError, match="fire"):
        clean(CleanConfig(inputs=(raw,), output=Path("out"), shard_bytes=1, workers=1))
    found = inspect(lmkit, "out")
    assert found["made"]["state"] == "not finished"
    assert found["made"]["tasks_done"] == {"documents": 1}
    assert "same lmkit clean command resumes" in found["made"]["to_go_on"]
    assert found["counts"]["out"] == 1 and len(found["sample_documents"]) == 1


def run_folder(finished: bool) -> Path:
    run = Path("run")
    checkpoint = run / "checkpoints" / "step-00000020"
    checkpoint.mkdir(parents=True)
    head = json.dumps({"w": {"dtype": "F32", "shape": [10, 5], "data_offsets": [0, 200]}}).encode()
    files = {
        "model.safetensors": len(head).to_bytes(8, "little") + head + bytes(200),
        "optimizer.safetensors": b"",
        "state.json": json.dumps({"step": 20, "validation_loss": 2.5}).encode(),
    }
    outputs = []
    for name, data in files.items():
        (checkpoint / name).write_bytes(data)
        outputs.append({"name": name, "bytes": len(data), "sha256": ""})
    (checkpoint / "manifest.json").write_text(
        json.dumps({"format": 2, "step": 20, "outputs": outputs})
    )
    (run / "checkpoints" / "index.json").write_text(
        json.dumps({"latest": checkpoint.name, "best": checkpoint.name})
    )
    lines = [{"step": step, "tokens": step * 100, "loss": 9 / step} for step in range(1, 21)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "model.json").write_text(json.dumps({"model": {"layers": 6}, "objective": "clm"}))
    plan = {
        "format": 2,
        "stage": "pretrain",
        "lmkit": "0.1.0",
        "config": {"steps": 20},
        "inputs": [],
    }
    if finished:
        made = {"outputs": [], "counts": {}, "seconds": 1}
        (run / "manifest.json").write_text(json.dumps(plan | made))
    else:
        (run / ".partial").mkdir()
        (run / ".partial" / "plan.json").write_text(json.dumps(plan))
    return run


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_shows_its_losses_finished_or_not(here: Path, lmkit: Lmkit, finished: bool) -> None:
    found = inspect(lmkit, run_folder(finished))
    assert found["run"]["step"] == 20 and found["run"]["best_validation_loss"] == 2.5
    assert found["run"]["parameters"] == 50
    assert found["model"] == {"layers": 6, "objective": "clm"}
    assert [line["step"] for line in found["last_steps"]] == [16, 17, 18, 19, 20]
    assert ("state" in found["made"]) is not finished


def test_a_single_checkpoint_is_shown(here: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, run_folder(finished=True) / "checkpoints" / "step-00000020")
    assert (found["made"]["step"], found["made"]["parameters"]) == (20, 50)
    assert found["state"]["validation_loss"] == 2.5
    assert len(found["outputs"]) == 3 and not found["problems"]


def test_missing_or_damaged_files_are_named_and_the_rest_is_shown(work: Path, lmkit: Lmkit) -> None:
    (work / "clean" / "rejected-00000.jsonl.zst").unlink()
    shard = work / "clean" / "documents-00000.jsonl.zst"
    shard.write_bytes(bytes(shard.stat().st_size))
    found = inspect(lmkit, work / "clean")
    assert found["problems"] == [{"text": "work/clean/rejected-00000.jsonl.zst: missing"}]
    assert "cannot be read" in found["sample_documents"][0]["text"]
    assert found["counts"]["in"] == 7


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


@pytest.mark.parametrize(
    ("make", "typed", "message", "hint"),
    [
        ("", "nowhere", "nowhere: no such folder", "name a folder that lmkit wrote"),
        ("raw/x/a", "raw/x", "raw/x: not made by lmkit", "name a folder that lmkit wrote"),
        ("work/clean/x", "work/clean/x", "a file, must be a folder", "lmkit inspect work/clean"),
        ("work/packed/x", "work/packed/train", "not made by lmkit", "lmkit inspect work/packed"),
        ("e/manifest.json", "e", "e/manifest.json: not a file that lmkit wrote", "name a folder"),
    ],
)
def test_a_folder_that_lmkit_did_not_write_is_refused_with_a_hint(
    work: Path, lmkit: Lmkit, make: str, typed: str, message: str, hint: str
) -> None:
    if make:
        Path(make).parent.mkdir(parents=True, exist_ok=True)
        Path(make).write_text('{"name": "a browser extension"}')
    exit_code, out, err = lmkit("inspect", typed)
    assert (exit_code, out) == (2, "") and work.exists()
    assert message in err and hint in err


@pytest.mark.parametrize("damage", [b"", b'{"stage": "clean"', b'{"stage":"clean","lmkit":"0"}'])
def test_a_damaged_manifest_is_reported_as_damaged(work: Path, lmkit: Lmkit, damage: bytes) -> None:
    (work / "clean" / "manifest.json").write_bytes(damage)
    exit_code, _, err = lmkit("inspect", work / "clean")
    assert exit_code == 2 and "work/clean/manifest.json: damaged" in err


def test_a_checkpoint_with_a_damaged_list_of_files_is_reported_as_damaged(
    here: Path, lmkit: Lmkit
) -> None:
    Path("manifest.json").write_text(json.dumps({"format": 2, "step": 1, "outputs": [{"name": 3}]}))
    exit_code, _, err = lmkit("inspect", ".")
    assert exit_code == 2 and "manifest.json: damaged" in err


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


def test_inspect_needs_no_torch(work: Path) -> None:
    script = (
        "import sys; from lmkit.cli import main; code = main(sys.argv[1:]);"
        "assert not {'torch', 'accelerate'} & sys.modules.keys(); sys.exit(code)"
    )
    run = [sys.executable, "-c", script, "inspect", str(work / "packed")]
    subprocess.run(run, check=True, capture_output=True)


def test_a_text_is_tokenized_by_the_tokenizer_of_a_folder_or_of_its_subfolder(
    work: Path, lmkit: Lmkit
) -> None:
    own = inspect(lmkit, work / "tokenizer", "--text", "Once upon </s>")
    assert own == inspect(lmkit, work / "packed", "--text", "Once upon </s>")
    assert "".join(each["piece"] for each in own["pieces"]) == "Once upon </s>"
    assert all(each["id"] >= 266 for each in own["pieces"])  # none is a control token


def test_a_folder_without_a_tokenizer_cannot_tokenize_a_text(work: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("inspect", work / "clean", "--text", "a")
    assert exit_code == 2 and "tokenizer.json" in err


def test_a_folder_made_without_rules_is_reported(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "out", "--filters.preset", "none")
    exit_code, out, _ = lmkit("inspect", "out", "--rules")
    assert exit_code == 0 and "kept by these limits" in out
    exit_code, _, err = lmkit("inspect", "out", "--rules", "--limits", "min_letters=0.5")
    assert exit_code == 2 and "made without rules" in err


def test_rules_and_documents_of_a_cleaned_folder_are_explained(raw: Path, lmkit: Lmkit) -> None:
    assert lmkit("clean", raw, "--output", "out")[0] == 0
    _, out, _ = lmkit("inspect", "out", "--rules", "--json")
    shown = json.loads(out)
    assert shown["verdicts"] == {
        "documents": 4,
        "empty": 0,
        "kept_as_made": 3,
        "kept_by_these_limits": 3,
    }
    assert shown["rules"][0]["alone"] == 1
    _, out, _ = lmkit("inspect", "out", "--limits", "min-characters=36", "--json")
    assert json.loads(out)["verdicts"]["kept_by_these_limits"] == 0  # all have 35
    (rejected,) = records(Path("out"), "rejected")
    _, out, _ = lmkit("inspect", "out", "--document", rejected["id"], "--json")
    numbers = json.loads(out)["numbers"]
    assert numbers[0] | {"document": ""} == {
        "document": "",
        "rule": "too_short",
        "value": 2,
        "limit": 25,
        "verdict": "drops it",
    }
    assert lmkit("inspect", "out", "--document", "nobody")[0] == 2
    assert lmkit("inspect", "out", "--limits", "nothing=3")[0] == 2
