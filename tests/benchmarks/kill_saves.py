"""Kill a process that does nothing but save, at random moments: is there always a checkpoint?

python tests/benchmarks/kill_saves.py SCRATCH [KILLS]
"""

import random
import subprocess
import sys
import time
from pathlib import Path

from lmkit.storage.json_bytes import read_object
from lmkit.training.checkpoints.layout import find_corruption, newest_first, step_of

SAVE_LOOP = """
import itertools, sys
from pathlib import Path
import torch
from lmkit.training.checkpoints.save_load import save, snapshot
from lmkit.training.checkpoints.layout import newest_first, step_of
from lmkit.training.optimizer import optimizer_of, update
from lmkit.training.options import OptimConfig
run = Path(sys.argv[1])
model = torch.nn.Sequential(*[torch.nn.Linear(200, 200) for _ in range(8)])
optimizer = optimizer_of(model.named_parameters(), OptimConfig(algorithm="adamw", lr=1e-3))
first = max(map(step_of, newest_first(run)), default=0) + 1
for step in itertools.count(first):
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, float(step))
    update(optimizer, None)
    save(run, step, snapshot(model, optimizer), {"step": step, "validation_loss": 1 / step})
    print(step, flush=True)
"""


def killed_while_saving(run: Path, kills: int, seed: int = 0) -> tuple[int, int]:
    """Return how many checkpoints were checked after kills, and how many were missing or bad."""
    run.mkdir(parents=True, exist_ok=True)
    generator, bad, checked = random.Random(seed), 0, 0
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_LOOP, str(run)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        saved = int(process.stdout.readline())  # from here on there must be one
        time.sleep(generator.uniform(0, 0.3))
        process.kill()
        saved = max([saved, *map(int, process.stdout.read().split())])
        found = newest_first(run)
        intact = [checkpoint for checkpoint in found if not find_corruption(checkpoint)]
        checked += len(found)
        bad += len(found) - len(intact)
        if (
            not intact
            or step_of(intact[0]) < saved
            or read_object(intact[0] / "state.json") is None
        ):
            bad += 1
    return checked, bad


if __name__ == "__main__":
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    checked, bad = killed_while_saving(Path(sys.argv[1]) / "saves", kills)
    print(f"{kills} kills: {checked} checkpoints checked, {bad} missing or corrupt")
