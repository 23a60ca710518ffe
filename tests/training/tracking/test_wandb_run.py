import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lmkit.training.tracking.registry import TrackedRun
from lmkit.training.tracking.trackers import Trackers
from lmkit.training.tracking.wandb_run import WandbRun
from tests.training.tracking.offline_runs import history
from tests.training.tracking.stand_ins import WANDB, StandIn, stand_in

OPTIONS = {"optim.lr": 0.1, "hours": None}


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return stand_in(monkeypatch, tmp_path, "wandb", WANDB)


def tracked(folder: Path) -> TrackedRun:
    return TrackedRun(folder / "run", chosen="wandb", id="abc", options=OPTIONS)


def test_a_run_is_offline_in_its_folder_and_records_nothing_of_the_machine(
    tmp_path: Path, wandb: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    WandbRun(tracked(tmp_path)).close()
    (made,) = wandb.of("init")
    assert made["mode"] == "offline" and made["id"] == "abc" and made["name"] == "run"
    assert made["dir"] == str(tmp_path / "run") and made["config"] == OPTIONS
    off = {"disable_git", "disable_code", "x_disable_stats", "x_disable_machine_info"}
    assert all(made["settings"][name] for name in {*off, "x_disable_meta", "silent"})
    assert not made["settings"]["save_code"] and made["settings"]["console"] == "off"
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"  # W&B reports its own use otherwise
    assert f"wandb sync {tmp_path}/run/wandb/offline-run-" in capsys.readouterr().err
    assert wandb.names == ["init", "define_metric", "finish"]


def test_a_step_is_one_call(tmp_path: Path, wandb: StandIn) -> None:
    tracker = WandbRun(tracked(tmp_path))
    tracker.log(1, {"train/loss": 2.0})
    tracker.log(2, {"train/loss": 1.0, "validation/loss": 3.0})
    tracker.add_text("samples/0", "text", 2)
    assert wandb.of("log") == [
        {"values": {"train/loss": 2.0}, "step": 1},
        {"values": {"train/loss": 1.0, "validation/loss": 3.0}, "step": 2},
    ]


def test_what_a_person_has_set_is_respected(
    tmp_path: Path, wandb: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_NAME", "first")
    WandbRun(tracked(tmp_path))
    (made,) = wandb.of("init")
    assert (made["mode"], made["project"], made["name"]) == ("online", "mine", "first")
    assert not made["settings"]["silent"] and "WANDB_ERROR_REPORTING" not in os.environ


@pytest.mark.parametrize("mode", ["", "offline", "dryrun", "disabled"])
def test_w_and_b_reports_nothing_and_prints_nothing_unless_it_is_online(
    tmp_path: Path, wandb: StandIn, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    WandbRun(tracked(tmp_path))
    (made,) = wandb.of("init")
    assert made["mode"] == (mode or "offline") and made["settings"]["silent"]
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"


def test_a_fresh_run_replaces_earlier_ones_with_its_id_and_leaves_no_link(
    tmp_path: Path, wandb: StandIn
) -> None:
    other = tmp_path / "run" / "wandb" / "offline-run-1-other"
    other.mkdir(parents=True)
    for _ in range(2):
        WandbRun(tracked(tmp_path)).close()
    folders = sorted(path.name for path in (tmp_path / "run" / "wandb").iterdir())
    assert len(folders) == 2 and other.name in folders
    assert not [path for path in (tmp_path / "run").rglob("*") if path.is_symlink()]


def test_a_run_whose_process_was_killed_leaves_no_exit_handler(
    tmp_path: Path,
    wandb: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FAILS_AT", "2")
    trackers = Trackers(tracked(tmp_path))
    for step in (1, 2, 3):
        trackers.log(step, {"train/loss": 1.0})
    trackers.close()
    assert wandb.names == ["init", "define_metric", "log", "finish", "teardown"]
    assert capsys.readouterr().err.count("ConnectionResetError: connection reset by peer") == 1


@pytest.mark.skipif(find_spec("wandb") is None, reason="W&B is not installed")
def test_with_w_and_b_itself_the_newest_folder_has_every_step_once_after_a_kill(
    tmp_path: Path,
) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from lmkit.training.metrics import Metrics, Record\n"
        "from lmkit.training.tracking.registry import TrackedRun\n"
        "start, stop, run = int(sys.argv[1]), int(sys.argv[2]), Path('run')\n"
        "run.mkdir(exist_ok=True)\n"
        "metrics = Metrics(run, start, 10, TrackedRun(run, chosen='wandb', id='abc'))\n"
        "for step in range(start + 1, stop + 1):\n"
        "    loss = 3.0 if step % 5 == 0 else None\n"
        "    metrics.append(Record(step, step, 2.0, 0.1, 1.0, 1.0, loss))\n"
        "os.kill(os.getpid(), 9) if stop == 30 else metrics.__exit__()\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    for start, stop in ((0, 30), (20, 40)):
        subprocess.run(
            [sys.executable, "-c", script, str(start), str(stop)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
        )
    steps = history(tmp_path / "run")
    assert [each["_step"] for each in steps] == list(range(1, 41))
    assert [each["_step"] for each in steps if "validation/loss" in each] == list(range(5, 41, 5))
    assert len(list((tmp_path / "run" / "wandb").glob("offline-run-*"))) == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]
