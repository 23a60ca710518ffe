"""Weights that are sharded over several processes, as plain tensors.

Choices:
- A process's shard of a weight is a separate tensor over the same memory. Optimizers get only
  those: an elementwise update needs nothing else, and the fused kernels run as usual.
- A checkpoint contains full tensors: so a run can resume with any other parallel mode. They are
  written as they are gathered (`gathered_rows`), and of each only the own part is read.
- An axis is divided as by torch.chunk, which is how torch's own sharding divides it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Shard
from torch.nn.utils import get_total_norm

from lmkit.model.initialization import LocalPart


@dataclass(frozen=True)
class LocalShard:
    """A weight, and this process's shard of it."""

    name: str
    parameter: nn.Parameter
    local: nn.Parameter
    """The parameter itself, where it isn't sharded."""

    @property
    def is_sharded(self) -> bool:
        """Whether other processes have other shards of it."""
        return sharded_axis(self.parameter) is not None

    def is_divided(self, tensor: Tensor) -> bool:
        """Whether a tensor of the optimizer's state is sharded as the weight is."""
        return self.is_sharded and tensor.shape == self.local.shape

    def full_shape(self, tensor: Tensor) -> torch.Size:
        """Return the shape that a tensor has on all processes together."""
        return self.parameter.shape if self.is_divided(tensor) else tensor.shape

    def full(self, tensor: Tensor) -> Tensor:
        """Gather a tensor that is sharded as the weight is, on every process."""
        parameter = self.parameter
        if not isinstance(parameter, DTensor) or not self.is_divided(tensor):
            return tensor
        sharded = DTensor.from_local(
            tensor,
            parameter.device_mesh,
            parameter.placements,
            shape=parameter.shape,
            stride=parameter.stride(),
        )
        return sharded.full_tensor()

    def shard(self, tensor: Tensor) -> Tensor:
        """Return this process's part of a full tensor, which is a view of it."""
        if not self.is_sharded or tensor.shape != self.parameter.shape:
            return tensor
        part = local_part(self.parameter)
        return tensor.narrow(part.axis, part.start, part.tensor.shape[part.axis])


def sharded_axis(tensor: Tensor) -> int | None:
    """Return the axis that is divided among the processes; None where each has the full tensor."""
    if not isinstance(tensor, DTensor):
        return None
    (placement,) = tensor.placements
    return placement.dim if isinstance(placement, Shard) else None


def local_part(tensor: Tensor) -> LocalPart:
    """Return what this process has of a weight."""
    if not isinstance(tensor, DTensor):
        return LocalPart(tensor.detach())
    local, axis = tensor.to_local().detach(), sharded_axis(tensor)
    if axis is None:
        return LocalPart(local)
    mesh = tensor.device_mesh
    return LocalPart(local, axis, bounds(tensor.shape[axis], mesh.size(), mesh.get_local_rank())[0])


def bounds(size: int, parts: int, number: int) -> tuple[int, int]:
    """Return where a part of an axis begins and ends; the last ones may be smaller, or empty.

    >>> [bounds(5, 4, number) for number in range(4)]
    [(0, 2), (2, 4), (4, 5), (5, 5)]
    """
    largest = -(-size // parts)
    return min(size, number * largest), min(size, (number + 1) * largest)


def local_shards(model: nn.Module) -> list[LocalShard]:
    """Return the weights of a model, tied ones once."""
    return [
        LocalShard(name, parameter, _local_parameter(parameter))
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]


def _local_parameter(parameter: nn.Parameter) -> nn.Parameter:
    if not isinstance(parameter, DTensor):
        return parameter
    return nn.Parameter(parameter.to_local().detach())


def collect_gradients(weights: Iterable[LocalShard]) -> None:
    """Hand each gradient on to what the optimizer sees."""
    for one in weights:
        if one.local is not one.parameter:
            gradient = one.parameter.grad
            assert gradient is None or isinstance(gradient, DTensor)
            one.local.grad = None if gradient is None else gradient.to_local()
            one.parameter.grad = None


def sum_of_squares(weights: Iterable[LocalShard], *, sharded: bool) -> Tensor:
    """Return the sum of squares of the gradients of sharded weights, or of the others."""
    gradients = [
        one.local.grad
        for one in weights
        if one.local.grad is not None and one.is_sharded == sharded
    ]
    if not gradients:
        return torch.zeros(())
    return get_total_norm(gradients).square()
