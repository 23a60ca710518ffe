"""Runs that other trackers show, and whose steps are profiled."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.commands.dying import signalled
from tests.commands.pretrain.test_run import (
    LMKIT,
    STEPS,
    command_of,
    metrics,
    same_run,
    trained,
)
from tests.conftest import SMALL_RUN, Lmkit
from tests.training.evaluations.asked import write_prompts
from tests.training.tracking.stand_ins import WANDB, StandIn, stand_in


@pytest.fixture
def wandb(here: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    folder = here / "stand-in"
    folder.mkdir()
    return stand_in(monkeypatch, folder, "wandb", WANDB)


def logged_since_the_last_init(wandb: StandIn) -> list[int]:
    calls = list(wandb)
    last = max(number for number, (name, _) in enumerate(calls) if name == "init")
    return [values["step"] for name, values in calls[last:] if name == "log"]


def test_a_missing_package_is_known_before_anything_is_written(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmkit.training.tracking.registry.find_spec", lambda _: None)
    code, out, err = lmkit(*command_of(packed, Path("run"), "--track", "wandb"))
    assert code == 2 and not out and not Path("run").exists()
    assert "--track wandb: the Python package wandb is not installed" in err
    assert "pip install" in err and "wandb" in err and "; or leave out --track" in err


def test_an_unknown_tracker_is_refused_with_the_names(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    code, _, err = lmkit(*command_of(packed, Path("run"), "--track", "mlflow"))
    assert code == 2 and "--track: got mlflow, must be 'wandb' or 'trackio'" in err


def test_a_killed_run_that_resumes_has_every_step_once_in_the_newest_folder(
    packed: Path, wandb: StandIn, lmkit: Lmkit
) -> None:
    run = Path("run")
    command = command_of(packed, run, "--track", "wandb")
    assert signalled(signal.SIGKILL, 7, *command).returncode == -signal.SIGKILL
    assert logged_since_the_last_init(wandb) == list(range(1, 8))
    done = trained(packed, run, "--track", "wandb")
    assert done.returncode == 0, done.stderr
    assert logged_since_the_last_init(wandb) == list(range(1, 13))
    first, second = wandb.of("init")
    assert first["id"] == second["id"] and first["config"] == second["config"]
    assert first["config"]["model.layers"] == 2 and "output" not in first["config"]
    assert first["config"]["optim.algorithm"] == "adamw" and first["config"]["steps"] == 12
    assert len(list((run / "wandb").iterdir())) == 1
    assert all("train/loss" in call["values"] for call in wandb.of("log"))
    validated = {call["step"] for call in wandb.of("log") if "validation/loss" in call["values"]}
    assert validated == {6, 12}
    assert "up to date" in lmkit(*command, "--verify")[2]
    assert lmkit(*command_of(packed, run, "--steps", "13"))[0] == 0  # without tracking
    assert len(wandb.of("init")) == 2


def test_tracking_and_a_profile_change_no_result(packed: Path, wandb: StandIn) -> None:
    assert trained(packed, Path("without")).returncode == 0
    done = trained(packed, Path("run"), "--track", "wandb", "--profile", "2")
    assert done.returncode == 0, done.stderr
    assert same_run(Path("run"), Path("without"), 12)
    manifest = json.loads(Path("run/manifest.json").read_text())
    assert not {"track", "profile"} & manifest["config"].keys()
    assert not [each for each in manifest["outputs"] if each["name"].startswith(("wandb", "pro"))]
    (path,) = Path("run/profile").iterdir()
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    names = {str(event.get("name")) for event in events}
    assert {"ProfilerStep#6", "ProfilerStep#7", "Optimizer.step#AdamW.step"} <= names
    assert any("Backward" in name for name in names)
    assert "profile of 2 steps from step 6" in done.stderr
    assert "profiler_start" not in done.stderr and "profile" not in done.stdout


def test_overwriting_starts_over_under_another_id(
    packed: Path, wandb: StandIn, lmkit: Lmkit
) -> None:
    for more in ((), ("--overwrite", "--optim.lr", "0.1")):
        command = command_of(packed, Path("run"), "--track", "wandb", "--steps", "2", *more)
        assert lmkit(*command)[0] == 0
    first, second = wandb.of("init")
    assert first["id"] != second["id"]
    assert len(list(Path("run/wandb").iterdir())) == 1


def test_a_tracker_that_fails_ends_no_run(
    packed: Path, wandb: StandIn, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS_AT", "3")
    command = command_of(packed, Path("run"), "--track", "wandb", "--steps", "4")
    code, _, err = lmkit(*command)
    assert code == 0 and len(metrics(Path("run"))) == 4
    assert err.count("wandb failed and gets no more") == 1 and "Traceback" not in err


def test_of_two_processes_one_tracks_and_profiles(packed: Path, wandb: StandIn) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", *LMKIT[1:]]
    more = ("--track", "wandb", "--profile", "2")
    command = [*launcher, *command_of(packed, Path("run"), *more)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(wandb.of("init")) == 1
    assert logged_since_the_last_init(wandb) == list(range(1, 13))
    assert len(list(Path("run/profile").iterdir())) == 1
    assert done.stderr.count("profile of 2 steps from step 6") == 1


def test_options_and_generated_texts_are_in_tensorboard_once_after_a_kill(
    packed: Path, here: Path
) -> None:
    prompts = write_prompts(here / "prompts.txt")
    more = ("--sample.prompts", str(prompts), "--sample.every", "2")
    command = ["pretrain", str(packed), "--output", "run", *SMALL_RUN, *STEPS, *more]
    assert signalled(signal.SIGKILL, 7, *command).returncode == -signal.SIGKILL
    assert trained(packed, Path("run"), *more).returncode == 0
    assert len(list(Path("run/tensorboard").iterdir())) == 1
    board = EventAccumulator("run/tensorboard", size_guidance={"tensors": 0})
    board.Reload()
    steps = [event.step for event in board.Tensors("samples/0/text_summary")]
    assert steps == [2, 4, 6, 8, 10, 12]
    assert "_hparams_/session_start_info" in board.summary_metadata
    assert [event.step for event in board.Scalars("validation/best_loss")] == [6, 12]
