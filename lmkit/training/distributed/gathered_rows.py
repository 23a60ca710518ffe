"""Sharded tensors on rank zero, some rows at a time.

Choice: rows go from each process to rank zero, which writes them. Gathering a full tensor on every
process would take more memory than most shards, and more of the network.

Shapes: R rows, and the other axes of the tensor.
"""

import math
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor

from lmkit.execution.ranks import rank
from lmkit.training.distributed.sharded_weights import LocalShard, bounds, sharded_axis

PIECE_BYTES = 2**23
"""Bytes that are gathered at a time."""


def rows_on_rank_zero(shard: LocalShard, tensor: Tensor) -> Iterator[Tensor]:
    """Yield the rows of a weight, or of a tensor that is sharded as it is, on rank zero's CPU.

    All processes have to iterate to the end, over the same tensors in the same order; the others
    get nothing.
    """
    tensor, parameter = tensor.detach(), shard.parameter
    if not shard.is_divided(tensor):
        if rank() == 0:
            yield tensor.cpu()
        return
    assert isinstance(parameter, DTensor)
    axis, shape, processes = sharded_axis(parameter), parameter.shape, parameter.device_mesh.size()
    assert axis is not None
    step = max(1, PIECE_BYTES // max(1, math.prod(shape[1:]) * tensor.element_size()))
    owned = [bounds(shape[axis], processes, number) for number in range(processes)]
    if axis == 0:
        for owner, (begin, end) in enumerate(owned):
            for first in range(begin, end, step):
                rows = min(step, end - first)
                own = tensor[first - begin :][:rows] if owner == rank() else tensor
                piece = _on_rank_zero(own, (rows, *shape[1:]), owner)
                if piece is not None:
                    yield piece.cpu()
        return
    for first in range(0, shape[0], step):
        own, pieces = tensor[first : first + step], list[Tensor]()
        for owner, (begin, end) in enumerate(owned):
            part_shape = [len(own), *shape[1:]]
            part_shape[axis] = end - begin
            piece = _on_rank_zero(own, part_shape, owner)
            if piece is not None:
                pieces.append(piece.cpu())
        if pieces:
            yield torch.cat(pieces, axis)


def _on_rank_zero(own: Tensor, shape: "tuple[int, ...] | list[int]", owner: int) -> Tensor | None:
    """Return the owner's rows on rank zero, and None on the others; only those two take part."""
    here = rank()
    if here == owner == 0:
        return own
    if here == owner:
        dist.send(own.contiguous(), 0)
    elif here == 0:
        received = own.new_empty(shape)
        dist.recv(received, owner)
        return received
    return None
