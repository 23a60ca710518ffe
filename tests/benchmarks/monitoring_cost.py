"""What does watching a run cost?

    python tests/benchmarks/monitoring_cost.py PACKED SCRATCH [STEPS] [OPTIONS of pretrain]

One run in a terminal of its own (a pty of 100 x 40), in which blocks of ten steps take turns: with
all of it, as the command starts by itself (panel with curve, metrics.jsonl, TensorBoard, update
ratios, and what OPTIONS add, such as --track wandb), and with none of it. So both have the same
neighbours on the machine; two runs, one after the other, differ by more than what is measured.
Compared are the seconds of pairs of neighbouring blocks, by the clock of the loop: their median
ratio is the throughput with monitoring over that without. Printed beside it: the seconds that the
loop itself spent in recording a step, and those of drawing.
"""

import json
import os
import pty
import statistics
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

BLOCK, WARM = 10, 2
SHAPE = ("--model.layers", "4", "--model.hidden-size", "128", "--model.heads", "4")
RUN = (
    *("--batch-tokens", "2048", "--save-every", "none", "--validate-every", "none"),
    *("--log-every", "10", "--seed", "1"),
)


def is_on(step: int) -> bool:
    """Whether a step is watched."""
    return (step - 1) // BLOCK % 2 == 0


def child(times: Path, arguments: list[str]) -> int:
    """Run pretrain, and write when each step ended, and what was spent in recording and drawing."""
    from lmkit.cli import main
    from lmkit.commands.pretrain import resolve
    from lmkit.training import session, training_recipe
    from lmkit.training.monitoring import console

    ended: list[float] = []
    recording: list[float] = []
    drawing: list[float] = []

    class Timed(session.Display):
        def step(self, record: Any) -> None:
            start = time.perf_counter()
            if is_on(record.step):
                super().step(record)
                recording.append(time.perf_counter() - start)
            ended.append(time.perf_counter())

    class Measured(training_recipe.Recipe):
        def measures(self, step: int) -> bool:
            return is_on(step) and super().measures(step)

    class Drawn(console.Monitor):
        def _drawn(self) -> Any:
            if not is_on(len(ended) + 1):
                return ""
            start = time.thread_time()
            try:
                return super()._drawn()
            finally:
                drawing.append(time.thread_time() - start)

    session.Display = Timed  # type: ignore[misc]
    resolve.Recipe = Measured  # type: ignore[misc]
    sys.modules["lmkit.training.monitoring.display"].Monitor = Drawn  # type: ignore[attr-defined]
    code = main(arguments)
    times.write_text(json.dumps({"ended": ended, "recording": recording, "drawing": drawing}))
    return code


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        return


def main() -> None:
    """Print the ratio of the throughputs."""
    packed, scratch, steps, *options = sys.argv[1:]
    Path(scratch).mkdir(parents=True, exist_ok=True)
    run, times = Path(scratch) / "run", Path(scratch) / "times.json"
    arguments = ["pretrain", packed, "--output", str(run), "--steps", steps, *SHAPE, *RUN, *options]
    ours, theirs = pty.openpty()
    threading.Thread(target=_drain, args=(ours,), daemon=True).start()
    command = [sys.executable, __file__, "--child", str(times), *arguments]
    environment = {**os.environ, "COLUMNS": "100", "LINES": "40"}
    subprocess.run(command, stdout=theirs, stderr=theirs, env=environment, check=True)
    found = json.loads(times.read_text())
    ended = found["ended"][BLOCK - 1 :: BLOCK]
    blocks = [end - start for start, end in pairwise(ended)][2 * WARM - 1 :]
    pairs = list(zip(blocks[::2], blocks[1::2], strict=False))  # on, off
    ratios = sorted(off / on for on, off in pairs)
    quarter = len(ratios) // 4
    print(
        f"{len(pairs)} pairs of {BLOCK} steps; throughput with over without: median "
        f"{statistics.median(ratios):.4f}, quartiles {ratios[quarter]:.4f} and "
        f"{ratios[-1 - quarter]:.4f}; seconds with {sum(on for on, _ in pairs):.2f}, without "
        f"{sum(off for _, off in pairs):.2f}"
    )
    step = statistics.median(blocks) / BLOCK
    print(
        f"a step: {1e3 * step:.1f} ms; recording it {1e3 * statistics.mean(found['recording']):.2f}"
        f" ms ({statistics.mean(found['recording']) / step:.2%}); making the panel "
        f"{1e3 * statistics.mean(found['drawing']):.2f} ms, without its printing"
    )


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        sys.exit(child(Path(sys.argv[2]), sys.argv[3:]))
    main()
