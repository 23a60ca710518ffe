"""Several processes of an evaluation, as threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch
from torch import Tensor

from lmkit.evaluation.processes import Processes

ResultT = TypeVar("ResultT")


def together(size: int, function: Callable[[Processes], ResultT]) -> list[ResultT]:
    """Call a function in each of several processes, and return the results by rank."""
    barrier, parts = Barrier(size), dict[int, Tensor]()

    def call(rank: int) -> ResultT:
        def reduce_sum(local: Tensor) -> Tensor:
            parts[rank] = local
            barrier.wait(60)
            total = torch.stack([parts[number] for number in range(size)]).sum(0)
            barrier.wait(60)
            return total

        return function(Processes(rank, size, reduce_sum))

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(call, range(size)))
