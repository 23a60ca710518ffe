import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.pretrain.test_run import metrics, same_run, weights
from tests.conftest import SMALL_RUN, Lmkit, manifest, prose

MIXED = ("--mixture.weights", "0.75,0.25")
STEPS = ("--steps", "12", "--save-every", "4", "--validate-every", "6")


@pytest.fixture(scope="module")
def folders(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two packed folders of one tokenizer: prose, and code in rows with padding."""
    from lmkit.cli import main

    folder = tmp_path_factory.mktemp("second")
    lines = [text.replace(" ", "(") for text in prose(200)[120:]]
    documents = folder / "code.jsonl"
    documents.write_text("\n".join(json.dumps({"id": t[:99], "text": t}) for t in lines))
    command = ["pack", documents, "--tokenizer", packed.parent / "tokenizer", "--output"]
    options = ["--sequence-length", "32", "--validation", "0.1", "--packing", "document"]
    assert main([str(word) for word in [*command, folder / "code", *options]]) == 0
    return [packed, folder / "code"]


@pytest.fixture(scope="module")
def straight(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lmkit.cli import main

    run = tmp_path_factory.mktemp("mixed") / "run"
    command = ["pretrain", *folders, "--output", run, *SMALL_RUN, *STEPS, *MIXED]
    assert main([str(word) for word in command]) == 0
    return run


def test_tokens_are_read_in_the_fractions_of_the_weights(
    straight: Path, folders: list[Path]
) -> None:
    details = manifest(straight)["details"]
    for fact, folder, wanted in zip(details["mixture"], folders, (0.75, 0.25), strict=True):
        train = manifest(folder)["details"]["train"]
        read = fact["rows_read"] * train["tokens"] / train["rows"]
        assert fact["share_of_tokens"] == wanted
        assert read / metrics(straight)[-1]["tokens"] == pytest.approx(wanted, abs=0.05)
        assert fact["epochs"] == pytest.approx(fact["rows_read"] / train["rows"], abs=1e-4)


def test_the_loss_on_held_out_sequences_is_a_mean_over_the_tokens_of_all_folders(
    straight: Path, folders: list[Path], here: Path, lmkit: Lmkit
) -> None:
    scored: list[tuple[float, int]] = []
    for number, folder in enumerate(folders):
        assert lmkit("eval", straight, "--data", folder, "--output", f"eval-{number}")[0] == 0
        scores = json.loads(Path(f"eval-{number}/scores.json").read_text())
        scored.append((scores["loss"], scores["tokens"]))
    assert "step-00000012" in scores["checkpoint"]
    details = manifest(straight)["details"]
    for fact, (loss, _) in zip(details["mixture"], scored, strict=True):
        assert fact["validation_loss"] == pytest.approx(loss, rel=1e-5)
    mean = sum(loss * tokens for loss, tokens in scored) / sum(tokens for _, tokens in scored)
    assert details["validation_loss"] == pytest.approx(mean, rel=1e-5)
    assert metrics(straight)[-1]["validation_loss"] == details["validation_loss"]


def test_a_stopped_run_resumes_to_the_same_bits(
    straight: Path, folders: list[Path], here: Path, lmkit: Lmkit
) -> None:
    shared = [*folders, "--output", "run", *SMALL_RUN, *MIXED, "--schedule.decay-steps", "12"]
    every = ["--save-every", "4", "--validate-every", "6", "--micro-batch", "8"]
    assert lmkit("pretrain", *shared, *every, "--steps", "5")[0] == 0
    exit_code, _, err = lmkit("pretrain", *shared, *every, "--steps", "12")
    assert exit_code == 0 and "75.0% of the tokens" in err
    whole = [*folders, "--output", "whole", *SMALL_RUN, *MIXED, "--schedule.decay-steps", "12"]
    lmkit("pretrain", *whole, *every, "--steps", "12")
    assert weights(Path("run"), 12) == weights(Path("whole"), 12)
    assert (
        manifest(Path("run"))["details"]["mixture"]
        == (manifest(Path("whole"))["details"]["mixture"])
    )


def test_processes_and_micro_batches_change_no_batch(
    straight: Path, folders: list[Path], here: Path
) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m", "lmkit"]
    rest = ["--output", "run", *SMALL_RUN, *STEPS, *MIXED, "--micro-batch", "3"]
    command = [*launcher, "pretrain", *map(str, folders), *rest]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    for one, two in zip(metrics(straight), metrics(Path("run")), strict=True):
        assert two["tokens"] == one["tokens"]
        for key in ("loss", "validation_loss"):
            assert two.get(key, 0) == pytest.approx(one.get(key, 0), rel=1e-5)
    facts = manifest(Path("run"))["details"]["mixture"], manifest(straight)["details"]["mixture"]
    for one, two in zip(*facts, strict=True):
        assert one["rows_read"] == two["rows_read"]
        assert one["validation_loss"] == pytest.approx(two["validation_loss"], rel=1e-5)


def test_a_changed_weight_is_refused_and_named(
    straight: Path, folders: list[Path], here: Path, lmkit: Lmkit
) -> None:
    shutil.copytree(straight, "run")
    command = ["pretrain", *folders, "--output", "run", *SMALL_RUN, *STEPS]
    exit_code, _, err = lmkit(*command, "--mixture.weights", "0.5,0.5")
    assert exit_code == 2 and "--mixture.weights was [0.75, 0.25], now [0.5, 0.5]" in err
    assert "up to date" in lmkit(*command, *MIXED)[2]
    exit_code, _, err = lmkit("pretrain", *folders[::-1], *command[3:], *MIXED)
    assert exit_code == 2 and "has changed" in err


def test_folders_can_be_mixed_from_a_file_and_without_weights(
    folders: list[Path], here: Path, lmkit: Lmkit
) -> None:
    Path("all.toml").write_text(f"[pretrain]\ninputs = {[str(f) for f in folders]}\n")
    command = ["pretrain", "--config", "all.toml", "--output", "run", *SMALL_RUN, "--steps", "2"]
    assert lmkit(*command)[0] == 0
    found = manifest(Path("run"))["details"]["mixture"]
    rows = [manifest(folder)["details"]["train"]["rows"] for folder in folders]
    drawn = [fact["rows_read"] for fact in found]
    assert sum(drawn) == 16
    assert drawn[0] == pytest.approx(16 * rows[0] / sum(rows), abs=0.5)
    _, out, _ = lmkit("inspect", "run")
    assert "mixture" in out and "epochs" in out
    Path("all.toml").write_text(
        f"[pretrain]\ninputs = {[str(f) for f in folders]}\nmixture = {{weights = [3, 1]}}\n"
    )
    assert lmkit(*command, "--overwrite")[0] == 0
    assert manifest(Path("run"))["config"]["mixture"]["weights"] == [3, 1]


@pytest.mark.parametrize(
    ("as_typed", "message"),
    [("0.7", "must be 2: one for each input"), ("0.7,x", "must be a number")],
)
def test_invalid_weights_leave_no_files(
    folders: list[Path], here: Path, lmkit: Lmkit, as_typed: str, message: str
) -> None:
    command = ["pretrain", *folders, "--output", "run", *SMALL_RUN]
    exit_code, _, err = lmkit(*command, "--mixture.weights", as_typed)
    assert exit_code == 2 and message in err and not Path("run").exists()


def test_a_weighted_run_differs_from_one_of_one_folder(straight: Path, trained: Path) -> None:
    assert not same_run(straight, trained, 8)
