"""Weights that are sharded over several processes, as plain tensors.

Choices:
- A process's shard of a weight is a separate tensor over the same memory. Optimizers get only
  those: an elementwise update needs nothing else, and the fused kernels run as usual.
- A weight is gathered, or sharded, only for a checkpoint, which contains full tensors: so a run can
  resume with any other parallel mode.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.utils import get_total_norm


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
        parameter = self.parameter
        return isinstance(parameter, DTensor) and any(p.is_shard() for p in parameter.placements)

    def full(self, tensor: Tensor) -> Tensor:
        """Gather a tensor that is sharded as the weight is."""
        parameter = self.parameter
        if not isinstance(parameter, DTensor) or tensor.shape != self.local.shape:
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
        """Return this process's shard of a full tensor, which every process has."""
        parameter = self.parameter
        if not isinstance(parameter, DTensor) or tensor.shape != parameter.shape:
            return tensor
        mesh, placements = parameter.device_mesh, parameter.placements
        tensor = tensor.to(self.local.device)
        return distribute_tensor(tensor, mesh, placements, src_data_rank=None).to_local()


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
