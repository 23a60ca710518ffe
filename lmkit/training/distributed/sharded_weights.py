"""Weights that lie in parts on several processes, as plain tensors.

Choices:
- What a process holds of a weight is a tensor of its own, over the same memory. Optimizers see
  those alone: an update by element needs nothing else, and the fused kernels run as ever.
- A weight is put together, or cut, only for a checkpoint, which holds whole tensors: so it can be
  gone on from in any other way of sharing the work.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.utils import get_total_norm


@dataclass(frozen=True)
class LocalShard:
    """A weight, and what this process holds of it."""

    name: str
    parameter: nn.Parameter
    own: nn.Parameter
    """The parameter itself, where it lies whole on each process."""

    @property
    def is_part(self) -> bool:
        """Whether others hold other parts of it."""
        parameter = self.parameter
        return isinstance(parameter, DTensor) and any(p.is_shard() for p in parameter.placements)

    def whole(self, tensor: Tensor) -> Tensor:
        """Put together what all hold of something that is cut as the weight is."""
        parameter = self.parameter
        if not isinstance(parameter, DTensor) or tensor.shape != self.own.shape:
            return tensor
        parts = DTensor.from_local(
            tensor,
            parameter.device_mesh,
            parameter.placements,
            shape=parameter.shape,
            stride=parameter.stride(),
        )
        return parts.full_tensor()

    def part(self, tensor: Tensor) -> Tensor:
        """Return what this process holds of a whole tensor; every process has all of it."""
        parameter = self.parameter
        if not isinstance(parameter, DTensor) or tensor.shape != parameter.shape:
            return tensor
        mesh, placements = parameter.device_mesh, parameter.placements
        tensor = tensor.to(self.own.device)
        return distribute_tensor(tensor, mesh, placements, src_data_rank=None).to_local()


def held(model: nn.Module) -> list[LocalShard]:
    """Return the weights of a model, tied ones once."""
    return [
        LocalShard(name, parameter, _own(parameter))
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]


def _own(parameter: nn.Parameter) -> nn.Parameter:
    if not isinstance(parameter, DTensor):
        return parameter
    return nn.Parameter(parameter.to_local().detach())


def take_gradients(weights: Iterable[LocalShard]) -> None:
    """Hand each gradient on to what the optimizer sees."""
    for one in weights:
        if one.own is not one.parameter:
            gradient = one.parameter.grad
            assert gradient is None or isinstance(gradient, DTensor)
            one.own.grad = None if gradient is None else gradient.to_local()
            one.parameter.grad = None


def squares(weights: Iterable[LocalShard], *, parts: bool) -> Tensor:
    """Return the sum of squares of the gradients of weights that lie in parts, or of the others."""
    found = [one.own.grad for one in weights if one.own.grad is not None and one.is_part == parts]
    if not found:
        return torch.zeros(())
    return get_total_norm(found).square()
