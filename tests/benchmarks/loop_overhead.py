"""The part of a training step that is neither forward, backward nor update.

    python tests/benchmarks/loop_overhead.py PACKED SCRATCH [--steps 100]

`lmkit pretrain` in this process, with a clock around the forward pass, the backward pass and the
update of each step. What is left of the time of the steps after the twentieth is the loop: counts,
learning rate, batches, metrics, the panel. On a CPU nothing is queued, so the clocks add up.
"""

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lmkit.cli import main as lmkit
from lmkit.training import step_computation
from lmkit.training.distributed.parallelism import Parallelism

SHAPES = {
    "medium": "--model.layers 6 --model.hidden-size 384 --model.heads 6 --batch-tokens 4096",
    "small": "--model.layers 4 --model.hidden-size 128 --model.heads 4 --batch-tokens 768",
}
FIRST = 20


class Clock:
    """Seconds in some functions, by step."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.by_step: list[float] = []

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is timed."""

        def timed(*arguments: Any, **more: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments, **more)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def measure(packed: Path, scratch: Path, options: str, steps: int) -> float:
    """Return the fraction of a step outside of its three parts; the median of the steps."""
    clock = Clock()
    forward, update = Parallelism.call, step_computation.update
    step = step_computation.StepComputation.step

    def whole(self: Any, *arguments: Any) -> Any:
        backward = self._team.accelerator.backward
        if not hasattr(backward, "timed"):
            timed = clock.around(backward)
            timed.timed = True  # type: ignore[attr-defined]
            self._team.accelerator.backward = timed
        clock.seconds = 0.0
        result = step(self, *arguments)
        clock.by_step.append(clock.seconds)
        return result

    Parallelism.call = clock.around(forward)  # type: ignore[method-assign]
    step_computation.update = clock.around(update)
    step_computation.StepComputation.step = whole  # type: ignore[method-assign]
    run = scratch / "run"
    shutil.rmtree(run, ignore_errors=True)
    words = ["pretrain", str(packed), "--output", str(run), "--device", "cpu", *options.split()]
    try:
        every = ("--validate-every", "none", "--save-every", "none", "--micro-batch", "16")
        lmkit([*words, *every, "--steps", str(steps)])
    finally:
        Parallelism.call = forward  # type: ignore[method-assign]
        step_computation.update = update
        step_computation.StepComputation.step = step  # type: ignore[method-assign]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    tokens = rows[1]["tokens"] - rows[0]["tokens"]
    total = [tokens / row["tokens_per_second"] for row in rows]
    parts = zip(clock.by_step[FIRST:], total[FIRST:], strict=True)
    return statistics.median(1 - inside / seconds for inside, seconds in parts)


def main() -> None:
    """Print a line for each shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packed", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    typed = parser.parse_args()
    for name, options in SHAPES.items():
        found = measure(typed.packed, typed.scratch, options, typed.steps)
        print(f"{name}: {found:.1%} of a step is outside of forward, backward and update")


if __name__ == "__main__":
    main()
