"""The number of sequences that fit into memory at a time.

Choices:
- Measured, not computed, on a GPU: forward and backward with halved batches until one fits, next to
  as much memory as the optimizer and the synchronization of gradients will take. A CPU that runs
  out of memory kills the process instead of raising an error: there the estimate decides, and where
  weights are sharded, since processes that don't run out of memory would wait for one that does.
- All processes take the smallest of their results.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from lmkit.errors import LmkitError
from lmkit.execution.ranks import ranks
from lmkit.model.attention_kernels import kernels_on
from lmkit.model.cost import memory
from lmkit.model.options import ModelConfig
from lmkit.objectives.batch import Batch
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.distributed.rank_zero import on_rank_zero
from lmkit.training.planning.forecast import MARGIN, batch_shape_of, free_bytes

KEY = "micro_batch"
SHARDED = ("weights", "gradients", "optimizer")
"""What of the estimate is divided among processes that have a part of the weights."""
EXTRA_COPIES = 3
"""Copies of the weights that don't exist yet: two moments, and gradients being synchronized."""


def find_micro_batch(
    max_rows: int, fits: Callable[[int], bool], device: torch.device, run: "RunFolder"
) -> int:
    """Return how many sequences fit, determined by all processes when the run starts."""
    if device.type != "cuda" or ranks() == 1:
        return int(
            on_rank_zero(lambda: run.resolve(KEY, lambda: str(largest_that_fits(max_rows, fits))))
        )
    known = on_rank_zero(lambda: run.known(KEY))
    if known is None:
        fitting = torch.tensor([largest_that_fits(max_rows, fits)], device=device)
        torch.distributed.all_reduce(fitting, torch.distributed.ReduceOp.MIN)
        smallest = str(int(fitting))
        known = on_rank_zero(lambda: run.resolve(KEY, lambda: smallest))
    return int(known)


def largest_that_fits(max_rows: int, fits: Callable[[int], bool]) -> int:
    """Return the first of max_rows, max_rows / 2, ... that fits.

    >>> largest_that_fits(12, lambda rows: rows <= 4)
    3
    """
    rows = max_rows
    while rows and not fits(rows):
        rows //= 2
    if not rows:
        raise LmkitError(
            "not even one sequence fits into memory",
            "pack shorter sequences, use --activation-checkpointing, --parallel fsdp or a smaller "
            "model",
        )
    return rows


def fits_on_gpu(model: nn.Module, batch: Mapping[str, Tensor]) -> bool:
    """Try a batch forward and backward, and free its memory."""
    weights = sum(parameter.numel() for parameter in model.parameters())
    device = next(model.parameters()).device
    try:
        reserved = torch.empty(EXTRA_COPIES * weights, device=device)
        model(**{name: tensor.to(device) for name, tensor in batch.items()}).backward()
        del reserved
    except torch.OutOfMemoryError:
        return False
    finally:
        for parameter in model.parameters():
            parameter.grad = None
        torch.cuda.empty_cache()
    return True


def fits_by_estimate(
    config: ModelConfig,
    vocabulary_size: int,
    batch: Batch,
    device: torch.device,
    *,
    bf16: bool,
    shards: int = 1,
) -> bool:
    """Return whether a batch fits into the free memory, by the estimate.

    `shards` is the number of processes that the weights are divided among.
    """
    free = free_bytes(device)
    kernels = kernels_on(device, torch.bfloat16 if bf16 else torch.float32)
    in_heap = device.type == "cpu"
    parts = memory(
        config, vocabulary_size, batch_shape_of(batch), kernels, bf16=bf16, in_heap=in_heap
    )
    needed = sum(size // (shards if part in SHARDED else 1) for part, size in parts.items())
    return free is None or needed <= MARGIN * free
