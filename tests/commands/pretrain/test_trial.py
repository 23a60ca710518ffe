"""Trials: forecasts, and runs of some hours."""

import json
from pathlib import Path

from tests.conftest import SMALL_RUN, Lmkit, manifest


def test_hours_are_converted_to_steps_once(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--output", "run", "--hours", "0.0003"]
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0 and "0.0003 hours: time for about" in err
    resolved = json.loads(Path("run/resolved.json").read_text())
    assert resolved["steps"] == manifest(Path("run"))["counts"]["more"]["steps"]
    assert resolved["hours"] == 0.0003
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0 and err.endswith("up to date\n") and "time for about" not in err


def test_a_dry_run_estimates_and_writes_nothing(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--output", "run", "--steps", "3", "--dry-run"]
    exit_code, out, _ = lmkit(*command)
    assert exit_code == 0 and "total: 3 steps" in out and not Path("run").exists()
