"""What processes that train together do as one.

Choices:
- Only rank zero reads the disk, plans and writes; its result, or its error, is broadcast to the
  others, so that all continue or all end.
- Accelerate is imported where there are several processes: one needs none of it, and its import
  takes a third of a second.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from lmkit.errors import LmkitError
from lmkit.execution.ranks import rank, ranks
from lmkit.training.precision import DeviceName, find_device

ResultT = TypeVar("ResultT")
SECONDS_TO_RELEASE = 0.2
"""Gloo's threads need some microseconds to release tensors, once they are scheduled."""


def _accelerate() -> Any:
    return import_module("accelerate")


@contextmanager
def process_group(device: DeviceName) -> Generator[None]:
    """Join the other processes, if there are any."""
    if ranks() == 1:
        yield
        return

    state = _accelerate().PartialState(cpu=find_device(device).type == "cpu")
    yield
    # Not in a `finally`: after an error here, the others may be waiting for another message.
    barrier()
    state.destroy_process_group()


def barrier() -> None:
    """Wait for all processes, and until sent tensors are released.

    Gloo's threads release the tensors of a call only after it has returned, and need Python's lock
    for that. If a model under DDP, or the process group, is destroyed in that very moment, the
    destroying thread holds the lock and waits for Gloo's threads: a deadlock (torch 2.13; one run
    in twenty on a busy machine).
    """
    if ranks() > 1:
        _accelerate().PartialState().wait_for_everyone()
        time.sleep(SECONDS_TO_RELEASE)  # releases Python's lock


def on_rank_zero(function: Callable[[], ResultT]) -> ResultT:
    """Call a function on rank zero, and return its result on all ranks."""
    if ranks() == 1:
        return function()

    box: list[tuple[ResultT | None, LmkitError | None]] = [(None, None)]
    if rank() == 0:
        try:
            box = [(function(), None)]
        except LmkitError as error:
            box = [(None, error)]
    _accelerate().utils.broadcast_object_list(box)
    result, error = box[0]
    if error is not None:
        raise error
    return cast(ResultT, result)


def local_device() -> torch.device:
    """Return this process's device, among several processes that have joined."""
    return _accelerate().PartialState().device


def sum_over_ranks(local: Tensor) -> Tensor:
    """Add up a tensor over all processes; return the sum on the CPU."""
    if ranks() == 1:
        return local
    return _accelerate().utils.reduce(local.to(local_device()), "sum").cpu()
