import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lmkit.training.tracking.registry import TrackedRun
from lmkit.training.tracking.trackers import Trackers
from lmkit.training.tracking.trackio_run import TrackioRun
from tests.training.tracking.stand_ins import TRACKIO, StandIn, stand_in


@pytest.fixture
def trackio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return stand_in(monkeypatch, tmp_path, "trackio", TRACKIO)


def tracked(folder: Path, name: str = "run") -> TrackedRun:
    return TrackedRun(folder / name, chosen="trackio", id="abc", options={"optim.lr": 0.1})


def test_a_run_is_in_its_folder_and_nothing_is_printed_as_a_result(
    tmp_path: Path, trackio: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = TrackioRun(tracked(tmp_path))
    tracker.log(1, {"train/loss": 2.0})
    tracker.close()
    (made,) = trackio.of("init")
    assert made["name"] == "run-abc" and made["config"] == {"optim.lr": 0.1}
    assert not made["auto_log_gpu"] and not made["auto_log_cpu"]
    assert trackio.of("log") == [{"values": {"train/loss": 2.0}, "step": 1}]
    out, err = capsys.readouterr()
    assert not out
    assert f"'TRACKIO_DIR={tmp_path}/run/trackio trackio show --project lmkit'" in err
    assert "TRACKIO_DIR" not in os.environ


def test_a_run_that_resumes_is_deleted_first(tmp_path: Path, trackio: StandIn) -> None:
    for _ in range(2):
        TrackioRun(tracked(tmp_path)).close()
    assert trackio.names == ["init", "finish", "delete", "init", "finish"]


def test_the_folder_that_a_person_has_set_is_used(
    tmp_path: Path,
    trackio: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "all"))
    for name in ("one", "two"):
        TrackioRun(tracked(tmp_path, name)).close()
    assert [made["name"] for made in trackio.of("init")] == ["one-abc", "two-abc"]
    assert "trackio: 'trackio show --project lmkit'" in capsys.readouterr().err
    assert os.environ["TRACKIO_DIR"] == str(tmp_path / "all")


def test_a_second_run_of_the_process_is_not_written_to_the_first_ones_folder(
    tmp_path: Path, trackio: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        Trackers(tracked(tmp_path, name)).close()
    assert [made["name"] for made in trackio.of("init")] == ["one-abc"]
    assert "this process writes to" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("trackio") is None, reason="trackio is not installed")
def test_with_trackio_itself_every_step_is_there_once_after_a_kill(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from lmkit.training.metrics import Metrics, Record\n"
        "from lmkit.training.tracking.registry import TrackedRun\n"
        "start, stop, run = int(sys.argv[1]), int(sys.argv[2]), Path('run')\n"
        "run.mkdir(exist_ok=True)\n"
        "metrics = Metrics(run, start, 10, TrackedRun(run, chosen='trackio', id='abc'))\n"
        "for step in range(start + 1, stop + 1):\n"
        "    metrics.append(Record(step, step, 2.0, 0.1, 1.0, 1.0))\n"
        "if stop == 30: import time; time.sleep(1); os.kill(os.getpid(), 9)\n"
        "metrics.__exit__()\n"
        "from trackio.sqlite_storage import SQLiteStorage\n"
        "logs = SQLiteStorage.get_logs('lmkit', 'run-abc')\n"
        "assert [log['step'] for log in logs] == list(range(1, 41)), logs\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", script]
    subprocess.run([*command, "0", "30"], cwd=tmp_path, env=environment)
    done = subprocess.run(
        [*command, "20", "40"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout
