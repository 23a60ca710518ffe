"""What trackers cost: 5,000 steps, and a run that is killed in the middle and resumes.

    python -m tests.benchmarks.tracker_speed wandb      # or trackio, where they are installed

Measured: 5,000 steps with 12 numbers each, from the import of the package to the end of its
`finish`, TensorBoard not counted; on a machine with other work, only its CPU time counts. Then what
the newest offline folder holds after a kill at step 3,000 and a checkpoint at 2,500. Goals: 5 s,
and every step once.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lmkit.training.metrics import METRICS, Metrics, Record, tagged
from lmkit.training.tracking.registry import TRACKERS, TrackedRun
from tests.training.tracking.offline_runs import history

STEPS, KILLED_AT, CHECKPOINT = 5_000, 3_000, 2_500
REPEATS = 3


def record(step: int) -> Record:
    return Record(
        step=step,
        tokens=16_384 * step,
        loss=9 / step**0.5,
        lr=1e-3 / step,
        gradient_norm=1 / 3,
        tokens_per_second=1e5 / 7,
        validation_loss=3.0 if step % 250 == 0 else None,
        validation={"web": 3.5, "books": 2.5} if step % 250 == 0 else None,
        data_wait_seconds=1e-3 / 7,
        flops_per_second=1e12 / 3,
        mfu=0.4,
        memory_bytes=2**31,
        update_ratio={"embedding": 1e-3, "blocks": 2e-3, "head": 3e-3},
    )


def speed(name: str, folder: Path) -> None:
    """Track steps without anything else, and print how long it took."""
    run = TrackedRun(folder, chosen=name, id="speed", options={"optim.lr": 1e-3})
    steps = [(step, tagged(record(step))) for step in range(1, STEPS + 1)]
    started, cpu = time.perf_counter(), time.process_time()
    tracker = TRACKERS[name].load()(run)
    opened = time.perf_counter()
    for step, values in steps:
        tracker.log(step, values)
    logged = time.perf_counter()
    tracker.close()
    ended = time.perf_counter()
    print(
        f"{name}: {ended - started:.2f} s for {STEPS:,} steps: import and start "
        f"{opened - started:.2f}, steps {logged - opened:.2f}, finish {ended - logged:.2f}; "
        f"{time.process_time() - cpu:.2f} s of this process's CPU time"
    )


def track(name: str, folder: Path, start: int, stop: int) -> None:
    """Record and track steps as a run does; it kills itself at `KILLED_AT`."""
    with Metrics(folder, start, 10, TrackedRun(folder, 10, name, "kill")) as metrics:
        for step in range(start + 1, stop + 1):
            metrics.append(record(step))
        if stop == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)


def logged_steps(name: str, folder: Path) -> list[int]:
    """Return the steps in what the tracker has written last."""
    if name == "wandb":
        return [line["_step"] for line in history(folder)]
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    from trackio.sqlite_storage import SQLiteStorage  # type: ignore[import-not-found]

    return [line["step"] for line in SQLiteStorage.get_logs("lmkit", f"{folder.name}-kill")]


def main(name: str) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.tracker_speed", name]
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(REPEATS):
            subprocess.run([*command, "speed", f"{temporary}/speed-{number}"], check=True)
        folder = Path(temporary, "killed")
        folder.mkdir()
        subprocess.run([*command, "track", str(folder), "0", str(KILLED_AT)])
        subprocess.run([*command, "track", str(folder), str(CHECKPOINT), str(STEPS)], check=True)
        steps = logged_steps(name, folder)
        lines = (folder / METRICS).read_bytes().count(b"\n")
        print(
            f"{name}: killed at {KILLED_AT:,}, resumed at {CHECKPOINT:,}: {len(steps):,} steps, "
            f"each of 1 to {STEPS:,} once: {sorted(steps) == list(range(1, STEPS + 1))} "
            f"(metrics.jsonl: {lines:,} lines)"
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name]:
            main(name)
        case [name, "speed", folder]:
            Path(folder).mkdir()
            speed(name, Path(folder))
        case [name, "track", folder, start, stop]:
            track(name, Path(folder), int(start), int(stop))
        case _:
            sys.exit(__doc__)
