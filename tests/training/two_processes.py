"""Trains the tiny model in one of several processes and writes the results."""

import json
import sys
from pathlib import Path
from typing import Any

from lmkit.training.distributed.rank_zero import barrier
from lmkit.training.loop import Hooks
from tests.training.tiny import Run

BATCHES = (8, 5, 1)
"""In micro-batches of 3, for two processes: split evenly, unevenly, and one of them idle."""


def results_of(run: Run) -> dict[str, Any]:
    return {
        "losses": run.losses,
        "tokens": [record.tokens for record in run.records],
        "weights": {name: weight.tolist() for name, weight in run.weights.items()},
    }


def main(folder: Path) -> None:
    runs: dict[str, Any] = {}
    for global_batch_size in BATCHES:
        run = Run()
        run.train(global_batch_size=global_batch_size, micro_batch=3)
        runs[str(global_batch_size)] = results_of(run)
    stopped = Run()
    rank = stopped.accelerator.process_index
    hooks = Hooks(should_stop=lambda: rank == 1 and len(stopped.records) == 2)
    runs["stopped after"] = stopped.train(hooks=hooks).step
    runs["processes"] = stopped.accelerator.num_processes
    (folder / f"rank-{rank}.json").write_text(json.dumps(runs), "utf-8")
    barrier()
    stopped.accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
