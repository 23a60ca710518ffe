"""What does watching a run cost?

    python tests/benchmarks/monitoring_cost.py PACKED SCRATCH [PAIRS] [OPTIONS of pretrain]

Pairs of runs of 200 steps in turn, each in a terminal of its own (a pty of 100 x 40): one as the
command starts by itself (panel with curve, metrics.jsonl, TensorBoard, update ratios, and what
OPTIONS add, such as --track wandb), one without any of it. Compared are the tokens a second of
steps 21 to 200, by the clock of the loop.
"""

import json
import os
import pty
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

STEPS, WARM = 200, 20
SHAPE = ("--model.layers", "4", "--model.hidden-size", "128", "--model.heads", "4")
RUN = (
    *("--steps", str(STEPS), "--batch-tokens", "2048", "--save-every", "none"),
    *("--validate-every", "none", "--seed", "1"),
)


def child(is_on: bool, times: Path, arguments: list[str]) -> int:
    """Run pretrain, and write when each step ended."""
    from lmkit.cli import main
    from lmkit.commands.pretrain import resolve
    from lmkit.training import session, training_recipe

    ended: list[float] = []

    class Timed(session.Display):
        def __enter__(self) -> Any:
            return super().__enter__() if is_on else self

        def step(self, record: Any) -> None:
            super().step(record)
            ended.append(time.perf_counter())

    session.Display = Timed  # type: ignore[misc]
    if not is_on:

        class Unmeasured(training_recipe.Recipe):
            def measures(self, step: int) -> bool:
                del step
                return False

        resolve.Recipe = Unmeasured  # type: ignore[misc]
    sys.argv[1:] = arguments
    code = main()
    times.write_text(json.dumps(ended))
    return int(code or 0)


def measured(mode: str, packed: str, scratch: Path, number: int, options: list[str]) -> float:
    """Return the tokens a second of a run."""
    run, times = scratch / f"{mode}-{number}", scratch / f"{mode}-{number}.json"
    arguments = ["pretrain", packed, "--output", str(run), *SHAPE, *RUN]
    arguments += options if mode == "on" else []
    ours, theirs = pty.openpty()
    drain = threading.Thread(target=_drain, args=(ours,), daemon=True)
    drain.start()
    command = [sys.executable, __file__, "--child", mode, str(times), *arguments]
    environment = {**os.environ, "COLUMNS": "100", "LINES": "40"}
    subprocess.run(command, stdout=theirs, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    ended = json.loads(times.read_text())
    return (STEPS - WARM) * 2048 / (ended[-1] - ended[WARM - 1])


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        return


def main() -> None:
    """Print the throughput of each pair, and the medians."""
    packed, scratch, pairs, *options = sys.argv[1:]
    Path(scratch).mkdir(parents=True, exist_ok=True)
    ratios: list[float] = []
    for number in range(int(pairs)):
        modes = ("on", "off") if number % 2 else ("off", "on")
        speed = {mode: measured(mode, packed, Path(scratch), number, options) for mode in modes}
        ratios.append(speed["on"] / speed["off"])
        print(f"on {speed['on']:,.0f}, off {speed['off']:,.0f} tokens/s: {ratios[-1]:.4f}")
    print(f"median: {statistics.median(ratios):.4f}")


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        sys.exit(child(sys.argv[2] == "on", Path(sys.argv[3]), sys.argv[4:]))
    main()
