"""Two processes of one run, of which one is killed or stalls."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.benchmarks.bit_exact import try_one
from tests.training.launched import SETTINGS, SHAPE, children, pretrain, started

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
LONG = ("--steps", "100000", "--save-every", "2", "--validate-every", "none")


def wait_for_steps(run: Path, steps: int) -> None:
    deadline = time.monotonic() + 120
    lines = run / "metrics.jsonl"
    while not lines.exists() or len(lines.read_bytes().splitlines()) < steps:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@linux
def test_a_killed_rank_ends_the_run_which_resumes_with_another_number_of_processes(
    packed: Path, here: Path
) -> None:
    command = [packed, "--output", "run", *SHAPE, *SETTINGS]
    run = started(2, *command, *LONG)
    wait_for_steps(Path("run"), 6)
    os.kill(children(run.pid)[1], signal.SIGKILL)
    _, err = run.communicate(timeout=120)
    assert run.returncode != 0 and "SIGKILL" in err
    gone = len(Path("run/metrics.jsonl").read_bytes().splitlines())
    again = pretrain(1, *command, "--steps", str(gone + 3), "--save-every", "2")
    assert again.returncode == 0, again.stderr
    assert "resuming from step" in again.stderr


@linux
def test_two_processes_killed_at_a_random_moment_equal_a_run_that_never_stopped(
    packed: Path, here: Path
) -> None:
    assert try_one(packed, here, "span-corruption", "fp32", processes=2, steps=30, kills=1)


@linux
def test_a_stalled_rank_is_named(packed: Path, here: Path) -> None:
    command = [packed, "--output", "run", *SHAPE, *SETTINGS, *LONG]
    run = started(
        2, *command, "--stall-timeout", "15"
    )  # no machine is so busy as to stall for so long
    wait_for_steps(Path("run"), 6)  # each has published its step
    first, second = children(run.pid)
    os.kill(second, signal.SIGSTOP)
    try:
        while first in children(run.pid):
            time.sleep(0.05)
        os.kill(second, signal.SIGKILL)  # the launcher would wait half a minute for it to end
        _, err = run.communicate(timeout=120)
    finally:
        for process in (first, second):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    assert run.returncode != 0
    assert "Error: no progress for 15 s: process" in err
    assert "the same command resumes from the last checkpoint" in err
