"""Stop a run by signals, repeatedly, at random moments: what remains, and what is lost?

    python tests/benchmarks/signals.py PACKED SCRATCH [SIGNALS] [PROCESSES]

SIGTERM, SIGINT and SIGUSR1 in turn, between the start of Python and some seconds of training; half
of that time the run validates or saves. Prints with which codes it ended and how many steps were in
its metrics and in no checkpoint, and whether the result equals that of an undisturbed run.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from lmkit.training.checkpoints.layout import find_corruption, newest_first, step_of
from tests.benchmarks.bit_exact import SHAPE, content, started, steps_done

OPTIONS = ("--objective", "clm", *SHAPE, "--model.dropout", "0.1", "--batch-tokens", "512")
OPTIONS += ("--device", "cpu", "--precision", "fp32", "--save-every", "3", "--validate-every", "5")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found]


def main(packed: Path, scratch: Path, signals: int = 60, processes: int = 1) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    undisturbed_run, stopped = scratch / f"straight-{processes}", scratch / f"stopped-{processes}"
    options = [*OPTIONS, "--steps", str(10 * signals)]
    start = time.monotonic()
    assert started(packed, undisturbed_run, processes, *options).wait() == 0
    max_seconds = 12.0 if processes == 1 else 20.0
    print(f"undisturbed: {time.monotonic() - start:.0f} s for {10 * signals} steps", flush=True)
    generator, codes, lost, while_training = random.Random(0), Counter[int](), list[int](), 0
    for number in range(signals):
        before = steps_done(stopped)
        run = started(packed, stopped, processes, *options)
        time.sleep(generator.uniform(0, max_seconds))
        target = run.pid
        if processes > 1 and number % 2 and (ranks := children(run.pid)):
            target = ranks[-1]  # only to one of the processes
        os.kill(target, SIGNALS[number % 3])
        codes[run.wait()] += 1
        found = newest_first(stopped)
        assert not any(find_corruption(checkpoint) for checkpoint in found)
        lost.append(steps_done(stopped) - max(map(step_of, found), default=0))
        while_training += steps_done(stopped) > before
    print(f"{signals} signals: exit codes {dict(codes)}; {while_training} came while training")
    print(f"steps in no checkpoint: {dict(Counter(lost))}")
    assert started(packed, stopped, processes, *options).wait() == 0
    steps = 10 * signals
    is_equal = content(undisturbed_run, steps) == content(stopped, steps)
    print(
        "the same as the undisturbed run" if is_equal else "NOT the is_equal as the undisturbed run"
    )


if __name__ == "__main__":
    packed, scratch, *rest = sys.argv[1:]
    main(Path(packed), Path(scratch), *map(int, rest))
