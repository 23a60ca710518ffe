"""How much longer something takes with twice the input.

Choice: processor time, the least of several tries, and only of what takes long enough to be told
from noise: what is quadratic takes long at these sizes, whatever the machine.
"""

import time
from collections.abc import Callable

TRIES = 3


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def slows_down(make: Callable[[int], Callable[[], object]], size: int, floor: float) -> float:
    """Return by what factor the time grows when the input doubles to `size`; 1 below the floor.

    `make` returns the work on an input of a size; `floor` is in seconds.
    """
    large, small = make(size), make(size // 2)
    found = seconds(large)
    if found <= floor:
        return 1.0
    found = min(found, *(seconds(large) for _ in range(TRIES - 1)))
    if found <= floor:
        return 1.0
    return found / max(1e-9, min(seconds(small) for _ in range(TRIES)))
