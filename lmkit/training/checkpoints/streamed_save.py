"""A checkpoint of sharded weights, written as they are gathered.

Choices:
- Rank zero writes each piece when it arrives, so no process ever holds more of the model than its
  shards. Training waits: the others have nothing but their weights to send from. Only what remains
  once all is written, hashes and names, is done in the background.
- Where the disk is full, rank zero receives the rest without writing it: else the others would wait
  for it indefinitely.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from lmkit.execution.ranks import rank
from lmkit.training.checkpoints.layout import MODEL, OPTIMIZER
from lmkit.training.checkpoints.save_load import begun, moments_of
from lmkit.training.checkpoints.saved_weights import weights
from lmkit.training.checkpoints.tensor_file import StoredShape, file_order, write_tensors
from lmkit.training.distributed.gathered_rows import rows_on_rank_zero
from lmkit.training.distributed.sharded_weights import LocalShard
from lmkit.training.optimizer import CombinedOptimizer

Held = Mapping[str, tuple[LocalShard, Tensor]]
"""Tensors by their names in a file, and the weights that they are sharded like."""


def write_shards(
    run: Path,
    step: int,
    model: nn.Module,
    optimizer: Optimizer | CombinedOptimizer,
    held_weights: Sequence[LocalShard],
    state: Mapping[str, Any],
) -> None:
    """Write the tensors of a checkpoint, which `finish` completes; all processes have to call it.

    Raises OSError, on rank zero and after all is gathered: the disk is full or broken.
    """
    by_name = {one.name: one for one in held_weights}
    assert by_name.keys() == weights(model).keys(), "what isn't trained isn't sharded"
    files: dict[str, Held] = {
        MODEL: {name: (one, one.local) for name, one in by_name.items()},
        OPTIMIZER: moments_of(optimizer, held_weights),
    }
    pieces = _pieces(list(files.values()))
    try:
        if rank() == 0:
            with begun(run, step, state) as partial:
                for name, held in files.items():
                    write_tensors(partial / name, _shapes(held), pieces)
    finally:
        deque(pieces, maxlen=0)


def _pieces(files: Sequence[Held]) -> Iterator[Tensor]:
    """Yield the rows of all files on rank zero; all processes have to iterate to the end."""
    for held in files:
        for name in file_order(_shapes(held)):
            yield from rows_on_rank_zero(*held[name])


def _shapes(held: Held) -> dict[str, StoredShape]:
    return {
        name: StoredShape(tensor.dtype, tuple(shard.full_shape(tensor)))
        for name, (shard, tensor) in held.items()
    }
