import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from lmkit.artifacts.lock import folder_lock
from lmkit.training.checkpoints import save_load as checkpoint
from lmkit.training.metrics import OF_THE_MACHINE
from tests.commands.dying import signalled
from tests.conftest import SMALL_RUN, Lmkit, contents

STEPS = ("--steps", "12", "--save-every", "4", "--validate-every", "6")
LMKIT = (sys.executable, "-m", "lmkit")


OTHERS = (*OF_THE_MACHINE, "update_ratio")
"""Numbers in which two runs here may differ; the last is measured at logged steps."""


def metrics(run: Path, without: tuple[str, ...] = OTHERS) -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if key not in without}
        for line in lines
    ]


def weights(run: Path, step: int) -> dict[str, bytes]:
    """Weights and optimizer of a checkpoint, bit by bit."""
    folder = run / "checkpoints" / f"step-{step:08d}"
    return {
        name: array.tobytes()
        for file in ("model.safetensors", "optimizer.safetensors")
        for name, array in load_file(folder / file).items()
    }


def same_run(one: Path, other: Path, step: int) -> bool:
    return metrics(one) == metrics(other) and weights(one, step) == weights(other, step)


@pytest.fixture(scope="module")
def straight(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing has disturbed."""
    run = tmp_path_factory.mktemp("straight") / "run"
    done = trained(packed, run)
    assert done.returncode == 0, done.stderr
    assert (run / "manifest.json").exists()
    return run


def command_of(packed: Path, run: Path, *more: str) -> list[str]:
    return ["pretrain", str(packed), "--output", str(run), *SMALL_RUN, *STEPS, *more]


def trained(packed: Path, run: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [*LMKIT, *command_of(packed, run, *more)]
    return subprocess.run(command, capture_output=True, text=True)


def lines_of(run: Path) -> int:
    path = run / "metrics.jsonl"
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def test_a_step_is_a_line_and_a_run_is_a_folder(straight: Path) -> None:
    lines = metrics(straight, without=())
    assert [line["step"] for line in lines] == list(range(1, 13))
    keys = {"step", "tokens", "loss", "lr", "gradient_norm", "tokens_per_second"}
    assert all(keys <= line.keys() for line in lines)
    assert [line["step"] for line in lines if "validation_loss" in line] == [6, 12]
    assert lines[-1]["loss"] < lines[0]["loss"]
    index = json.loads((straight / "checkpoints/index.json").read_text())
    assert index["latest"] == "step-00000012"
    assert {path.name for path in (straight / "tensorboard").iterdir()}


def test_a_killed_run_resumes_as_if_it_had_never_stopped(
    packed: Path, straight: Path, here: Path
) -> None:
    command = command_of(packed, Path("run"), "--log-every", "1")
    for step in (2, 7):
        killed = signalled(signal.SIGKILL, step, *command)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not Path("run/manifest.json").exists(), step
    assert trained(packed, Path("run")).returncode == 0
    assert same_run(Path("run"), straight, 12)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_run_that_gets_a_signal_saves_first(
    packed: Path, straight: Path, here: Path, number: signal.Signals
) -> None:
    run = signalled(number, 2, *command_of(packed, Path("run"), "--save-every", "none"))
    assert run.returncode == 130 and "Traceback" not in run.stderr
    assert "with a checkpoint" in run.stderr and "the same command resumes" in run.stderr
    stopped = lines_of(Path("run"))
    assert Path(f"run/checkpoints/step-{stopped:08d}").is_dir()
    assert trained(packed, Path("run"), "--save-every", "none").returncode == 0
    assert same_run(Path("run"), straight, 12)


def test_two_processes_have_the_losses_of_one(packed: Path, straight: Path, here: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    command = [*launcher, *LMKIT[1:], "pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("12 steps") == 1
    for one, two in zip(metrics(straight), metrics(Path("run")), strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert two.keys() == one.keys()
        assert two.get("validation_loss", 0) == pytest.approx(
            one.get("validation_loss", 0), rel=1e-5
        )
        assert two["tokens"] == one["tokens"]


def test_two_processes_fail_as_one(here: Path) -> None:
    Path("strange").mkdir()
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    command = [*launcher, *LMKIT[1:], "pretrain", "strange", "--output", "run"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.count("strange: not made by lmkit") == 1


def test_a_run_of_six_steps_continued_to_twelve_is_a_run_of_twelve(
    packed: Path, straight: Path, here: Path, lmkit: Lmkit
) -> None:
    whole, parts = Path("whole"), Path("parts")
    shared = [*SMALL_RUN, "--schedule.decay-steps", "12", "--validate-every", "6"]
    lmkit("pretrain", packed, "--output", whole, *shared, "--steps", "12")
    lmkit("pretrain", packed, "--output", parts, *shared, "--steps", "6")
    assert lmkit("pretrain", packed, "--output", parts, *shared, "--steps", "12")[0] == 0
    assert same_run(whole, parts, 12)
    history = [json.loads(line) for line in (parts / "history.jsonl").read_text().splitlines()]
    assert history == [{"step": 6, "changes": ["--steps was 6, now 12"]}]


def test_options_of_the_computation_may_change_and_those_of_the_result_may_not(
    packed: Path, straight: Path, here: Path, lmkit: Lmkit
) -> None:
    shutil.copytree(straight, "run")
    before = contents(Path("run"))
    command = ["pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS]
    exit_code, _, err = lmkit(*command, "--micro-batch", "2", "--log-every", "3")
    assert (exit_code, err) == (0, "run: up to date\n")
    changes = ["--optim.lr", "0.5", "--seed", "3", "--model.dropout", "0.1"]
    exit_code, _, err = lmkit(*command, *changes)
    assert exit_code == 2
    assert "--optim.lr was 0.001, now 0.5" in err and "--seed was 0, now 3" in err
    assert "--model.dropout was 0.0, now 0.1" in err
    exit_code, _, err = lmkit(*command, "--steps", "5")
    assert exit_code == 2 and "--steps: got 5, but run has already reached 12" in err
    assert contents(Path("run")) == before


def test_a_micro_batch_changes_no_result(
    packed: Path, straight: Path, here: Path, lmkit: Lmkit
) -> None:
    lmkit("pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS, "--micro-batch", "3")
    for one, other in zip(metrics(straight), metrics(Path("run")), strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)


def test_overwriting_starts_over(packed: Path, straight: Path, here: Path, lmkit: Lmkit) -> None:
    shutil.copytree(straight, "run")
    command = ["pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS]
    assert lmkit(*command, "--optim.lr", "0.002", "--overwrite")[0] == 0
    assert [line["step"] for line in metrics(Path("run"))] == list(range(1, 13))
    assert metrics(Path("run"))[-1] != metrics(straight)[-1]
    assert lmkit(*command, "--overwrite")[0] == 0
    assert same_run(Path("run"), straight, 12)


def test_a_checkpoint_from_before_a_killed_overwrite_is_not_resumed(
    packed: Path, straight: Path, here: Path, lmkit: Lmkit
) -> None:
    command = ["pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS]
    lmkit(*command, "--optim.lr", "0.002")
    # The state after a kill just after the new plan is written and the old manifest removed.
    lmkit(*command, "--overwrite")
    Path("run/.partial").mkdir()
    made = json.loads(Path("run/manifest.json").read_text())
    plan = {key: made[key] for key in ("stage", "format", "lmkit", "config", "inputs")}
    Path("run/.partial/plan.json").write_text(json.dumps(plan))
    Path("run/manifest.json").unlink()
    for state in Path("run/checkpoints").glob("step-*/state.json"):
        values = json.loads(state.read_text())
        state.write_text(json.dumps({**values, "recipe": "another"}))
    assert lmkit(*command)[0] == 0
    assert same_run(Path("run"), straight, 12)


def test_a_corrupt_checkpoint_is_skipped_for_the_one_before(
    packed: Path, straight: Path, here: Path, lmkit: Lmkit
) -> None:
    eight = Path("run/checkpoints/step-00000008")
    killed = signalled(signal.SIGKILL, 9, *command_of(packed, Path("run")), after=eight)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    newest = checkpoint.newest_first(Path("run"))[0]
    with (newest / "model.safetensors").open("r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(b"\xff")
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS)
    assert exit_code == 0 and "is corrupt; going back" in err
    assert same_run(Path("run"), straight, 12)


def test_a_temporarily_full_disk_does_not_stop_training(
    packed: Path, straight: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = checkpoint.save

    def save(run: Path, step: int, *rest: Any, **more: Any) -> Path:
        if step == 8:
            raise OSError(28, "No space left on device")
        return original(run, step, *rest, **more)

    monkeypatch.setattr("lmkit.training.session.save", save)
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS)
    assert exit_code == 0
    assert "no checkpoint after step 8: No space left on device" in err
    assert same_run(Path("run"), straight, 12)


def test_one_run_at_a_time_locks_a_folder(packed: Path, here: Path, lmkit: Lmkit) -> None:
    Path("run").mkdir()
    with folder_lock(Path("run")):
        exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *SMALL_RUN)
    assert exit_code == 2 and "another run is writing this folder" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "nothing: no such folder"),
        (["documents"], "documents: made by lmkit clean"),
        (["raw"], "raw: not made by lmkit"),
        ([], "INPUTS: got 0, must be one or more packed folders"),
        (["PACKED", "--model.heads", "5"], "--model.hidden-size: got 384, must be a multiple of"),
        (["PACKED", "--model.preset", "llama-15m", "--model.heads", "5"], "288 (of --model.pres"),
        (
            ["PACKED", "--optim.lr", "auot"],
            "--optim.lr: got auot, must be a number or 'auto'; did you mean auto?",
        ),
        (["PACKED", "--optim.lr", "-1"], "--optim.lr: got -1, must be more than 0.0 or 'auto'"),
        (["PACKED", "--precision", "fp8"], "--precision: got fp8, must be 'auto', 'fp32', "),
        (["PACKED", "--device", "cuda"], "--device: got cuda, but torch finds none"),
    ],
)
def test_invalid_options_are_refused_before_anything_is_written(
    packed: Path, raw: Path, lmkit: Lmkit, arguments: list[str], message: str
) -> None:
    lmkit("clean", raw, "--output", "documents")
    as_typed = [str(packed) if argument == "PACKED" else argument for argument in arguments]
    exit_code, out, err = lmkit("pretrain", *as_typed, "--output", "run")
    assert (exit_code, out) == (2, "")
    assert message in err and "Traceback" not in err
    assert not Path("run").exists()


def test_what_is_not_as_in_the_preset_is_printed_and_recorded(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    Path("file.toml").write_text('[pretrain.model]\npreset = "bert-tiny"\nlayers = 1\n')
    command = ["pretrain", packed, "--output", "run", "--config", "file.toml", "--steps", "1"]
    command += ["--batch-tokens", "64", "--device", "cpu", "--model.hidden-size", "32"]
    line = "model: bert-tiny, but layers 1 (not 2), hidden-size 32 (128), head-dim 16 (64), ffn-siz"
    exit_code, out, err = lmkit(*command, "--dry-run")
    assert exit_code == 0 and out.startswith(line) and line in err
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0 and err.count(line) == 1
    recorded = json.loads(Path("run/manifest.json").read_text())["config"]["model"]
    described = json.loads(Path("run/model.json").read_text())["model"]
    for model in (recorded, described):
        assert (model["preset"], model["layers"], model["ffn_size"]) == ("bert-tiny", 1, 128)
    assert "up to date" in lmkit("pretrain", "--config", "run/manifest.json")[2]


def test_a_packed_folder_is_checked_before_anything_is_written(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    shutil.copytree(packed, "copy")
    shard = Path("copy/train/tokens-00000.npy")
    whole = shard.read_bytes()
    for damaged in (whole[:-2], whole[:-2] + bytes([whole[-2] ^ 1, whole[-1]])):
        shard.write_bytes(damaged)
        exit_code, _, err = lmkit("pretrain", "copy", "--output", "run", *SMALL_RUN, *STEPS)
        assert exit_code == 2 and "tokens-00000.npy" in err and "manifest.json" in err
        assert not Path("run").exists()


def test_a_copy_of_a_checkpoint_next_to_it_is_ignored(
    packed: Path, straight: Path, here: Path, lmkit: Lmkit
) -> None:
    shutil.copytree(straight, "run")
    shutil.copytree("run/checkpoints/step-00000012", "run/checkpoints/step-00000012.bak")
    command = ["pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS]
    assert "up to date" in lmkit(*command)[2]
    assert lmkit("eval", "run", "--data", packed)[0] == 0
    exit_code, _, err = lmkit(*command, "--overwrite")
    assert exit_code == 2 and "step-00000012.bak" in err
