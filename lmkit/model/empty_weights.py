"""Memory for the weights of a model that was described on the `meta` device.

Choice: not torch's `Module.to_empty`, which asks the meta device for tensors of the same layout,
and for that imports a library for symbolic mathematics: more than a second before a first score.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def with_empty_weights(model: ModuleT, device: torch.device) -> ModuleT:
    """Give all parameters and buffers of a model memory on a device, with any content.

    What modules share, they share afterwards. Returns the model.
    """
    made: dict[int, Tensor] = {}

    def empty(old: Tensor) -> Tensor:
        if id(old) not in made:
            new = torch.empty(old.shape, dtype=old.dtype, device=device)
            is_parameter = isinstance(old, nn.Parameter)
            made[id(old)] = nn.Parameter(new, old.requires_grad) if is_parameter else new
        return made[id(old)]

    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            setattr(module, name, empty(parameter))
        for name, buffer in list(module.named_buffers(recurse=False, remove_duplicate=False)):
            setattr(module, name, empty(buffer))
    return model
