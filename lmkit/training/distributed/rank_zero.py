"""What several processes that train together do as one.

Choice: the first alone looks at the disk, plans and writes; what it finds, an error included, is
sent to the others, so that all go on or all end.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar, cast

from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from lmkit.errors import LmkitError
from lmkit.execution.ranks import rank, ranks

ResultT = TypeVar("ResultT")
SECONDS_TO_RELEASE = 0.2
"""Gloo's threads need some microseconds, once they are given a core."""


@contextmanager
def process_group(device: str) -> Generator[None]:
    """Join the other processes, if there are any."""
    if ranks() == 1:
        yield
        return

    state = PartialState(cpu=device == "cpu")
    yield
    # Not in a `finally`: after an error here, the others may be waiting for another message.
    barrier()
    state.destroy_process_group()


def barrier() -> None:
    """Wait for one another, and until what was sent is cleared away.

    Gloo's threads drop the tensors of a call only after it has returned, and need Python's lock
    for that. Who destroys a model under DDP, or the process group, in that very moment holds the
    lock and waits for the threads, for ever (torch 2.13; one run in twenty on a busy machine).
    """
    if ranks() > 1:
        PartialState().wait_for_everyone()
        time.sleep(SECONDS_TO_RELEASE)  # gives up Python's lock


def on_rank_zero(function: Callable[[], ResultT]) -> ResultT:
    """Call a function in the first process, and return what it returned in all of them."""
    if ranks() == 1:
        return function()

    box: list[tuple[ResultT | None, LmkitError | None]] = [(None, None)]
    if rank() == 0:
        try:
            box = [(function(), None)]
        except LmkitError as error:
            box = [(None, error)]
    broadcast_object_list(box)
    result, error = box[0]
    if error is not None:
        raise error
    return cast(ResultT, result)
