"""A run that changes its processes and its micro-batch when it resumes."""

import hashlib
import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tests.training.launched import ENVIRONMENT, SETTINGS, SHAPE, command_of

LAST = 12


def trained(
    packed: Path, run: Path, rows: Path, processes: int, until: int, micro_batch: int
) -> None:
    rows.mkdir(parents=True, exist_ok=True)
    options = [*SHAPE, *SETTINGS, "--micro-batch", str(micro_batch), "--steps", str(until)]
    options += ["--schedule.decay-steps", str(LAST), "--validate-every", "4"]
    command = command_of(processes, packed, "--output", run, *options)
    command[command.index("lmkit")] = "tests.training.noting"
    environment = {**ENVIRONMENT, "ROWS_READ": str(rows), "PYTHONPATH": os.pathsep.join(PATHS)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


PATHS = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]


def hashes(rows: Path, first: int, last: int) -> dict[int, str]:
    """Return a hash of the sequences that all processes read for each of some steps."""
    read: dict[int, list[int]] = defaultdict(list)
    for file in sorted(rows.iterdir()):
        for step, numbers in map(json.loads, file.read_text().splitlines()):
            read[step] += numbers
    # What was prefetched after the last step is read again by the next process.
    return {
        step: hashlib.sha256(json.dumps(sorted(read[step])).encode()).hexdigest()
        for step in range(first, last + 1)
    }


def test_other_processes_and_micro_batches_read_the_same_batches(packed: Path, here: Path) -> None:
    trained(packed, Path("straight"), Path("rows"), 1, LAST, 8)
    parts: dict[int, str] = {}
    for processes, first, last, micro_batch in ((1, 1, 4, 8), (2, 5, 8, 3), (1, 9, LAST, 2)):
        rows = Path(f"rows-{last}")
        trained(packed, Path("elastic"), rows, processes, last, micro_batch)
        assert len(list(rows.iterdir())) == processes
        parts |= hashes(rows, first, last)
    assert parts == hashes(Path("rows"), 1, LAST)
    assert len(set(parts.values())) == LAST
    losses = [
        [json.loads(line)["loss"] for line in Path(run, "metrics.jsonl").read_text().splitlines()]
        for run in ("straight", "elastic")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
