"""How long every pattern and every reader takes on its worst input, and on twice as much?

    python tests/benchmarks/linear_time.py [WORDS OF NAMES ...]

Prints for each pattern and reader its slowest input of those in `tests/fuzzing/worst_inputs.py`,
the processor seconds at 50, 100 and 200 kB (medians of three), and the larger of the two factors.
An input that takes less than a tenth of a second at 200 kB counts as linear: it is noise that such
factors show.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from tests.fuzzing.durations import seconds
from tests.fuzzing.text_readers import FILES, FUNCTIONS, read
from tests.fuzzing.worst_inputs import compiled_patterns, inputs_for, texts
from tests.test_linear_time import searching

SIZES = 50_000, 100_000, 200_000
MOST = 2.5
FLOOR = 0.1
TRIES = 3
GIVEN_UP_AFTER = 20
"""Seconds of one try."""
SCREENED_AT = 10_000
KEPT = 4
"""Inputs that are slowest at the size that is screened, and are tried at all sizes."""

Inputs = Callable[[int], Iterator[tuple[str, Any]]]


def worst(work: Callable[[Any], object], inputs: Inputs) -> tuple[float, str, list[float]]:
    """Return the largest factor of the slowest inputs, which it is, and its times."""
    screened = [
        (seconds(lambda t=text: work(t)), n) for n, (_, text) in enumerate(inputs(SCREENED_AT))
    ]
    found: list[tuple[float, str, list[float]]] = []
    for _, number in sorted(screened, reverse=True)[:KEPT]:
        times: list[float] = []
        unit = ""
        for size in SIZES:
            unit, text = next(each for n, each in enumerate(inputs(size)) if n == number)
            first = seconds(lambda t=text: work(t))
            tries = 0 if first > GIVEN_UP_AFTER else TRIES - 1
            times.append(median([first, *(seconds(lambda t=text: work(t)) for _ in range(tries))]))
            if first > GIVEN_UP_AFTER:
                break
        factors = [b / max(a, 1e-6) for a, b in pairwise(times)]
        is_noise = times[-1] < FLOOR
        found.append((1.0 if is_noise else max(factors, default=9.9), unit, times))
    return max(found, key=lambda each: (each[0], each[2][-1]))


def main(words: list[str]) -> int:
    jobs: dict[str, tuple[Callable[[Any], object], Inputs]] = {}
    for name, pattern in compiled_patterns().items():
        jobs[name] = (searching(pattern, name), lambda size, p=pattern: inputs_for(p, size))
    folder = Path(tempfile.mkdtemp())
    for kind in FUNCTIONS:
        jobs[f"step: {kind}"] = (FUNCTIONS[kind], texts)
    for kind in FILES:
        jobs[f"reader: {kind}"] = (lambda text, k=kind: read(k, text, folder), texts)
    slow = 0
    for name, (work, inputs) in jobs.items():
        if words and not any(word in name for word in words):
            continue
        factor, unit, times = worst(work, inputs)
        slow += factor > MOST
        shown = " ".join(f"{time:8.4f}" for time in times)
        mark = "SLOW" if factor > MOST else "    "
        print(f"{mark} {factor:4.1f}  {shown}  {name}  {unit[:60]}", flush=True)
    print(f"{slow} of {len(jobs)} take more than {MOST} times as long for twice the input")
    return slow


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
