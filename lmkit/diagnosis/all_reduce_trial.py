"""A process of a trial that adds up numbers over all processes, as gradients are.

`python -m torch.distributed.run --nproc-per-node N -m lmkit.diagnosis.all_reduce_trial gloo`

Rank zero prints the bandwidth of the best of some rounds in bytes a second, as NCCL's tests count
it ("bus bandwidth"): 2 (n - 1) / n times the bytes, over the seconds.
"""

import os
import sys
import time

import torch
from torch import distributed

NUMBERS = 8_000_000
ROUNDS = 5


def main() -> None:
    """Measure and print."""
    (backend,) = sys.argv[1:]
    distributed.init_process_group(backend)
    size, device = distributed.get_world_size(), "cpu"
    if backend == "nccl":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        device = "cuda"
    numbers = torch.ones(NUMBERS, device=device)
    best = float("inf")
    for _ in range(ROUNDS):
        distributed.barrier()
        start = time.perf_counter()
        distributed.all_reduce(numbers)
        if backend == "nccl":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    if distributed.get_rank() == 0:
        print(2 * (size - 1) / size * 4 * NUMBERS / best)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
