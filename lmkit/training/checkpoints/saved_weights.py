"""The weights of a checkpoint, and their names in a model.

Choice: nothing here knows of sharded tensors, which only training has: `torch.distributed.tensor`
takes half as long to import as torch, and scoring and generating would wait for it.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lmkit.errors import LmkitError
from lmkit.training.checkpoints.layout import MODEL


def load_weights(saved: Mapping[str, Tensor], model: nn.Module) -> None:
    """Copy the weights of a checkpoint, which are those of the model, on any device."""
    with torch.no_grad():
        for name, tensor in weights(model).items():
            tensor.copy_(saved[name])


def saved_weights(checkpoint: Path, model_tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a checkpoint. Raises LmkitError if they aren't those of the model."""
    saved = read_tensors(checkpoint / MODEL)
    refuse_other_weights(checkpoint, {n: tuple(t.shape) for n, t in saved.items()}, model_tensors)
    return saved


def refuse_other_weights(
    checkpoint: Path, saved: Mapping[str, tuple[int, ...]], model_tensors: Mapping[str, Tensor]
) -> None:
    """Raise LmkitError if weights of these shapes aren't those of the model."""
    if wrong := sorted(
        name
        for name in saved.keys() | model_tensors.keys()
        if name not in saved
        or name not in model_tensors
        or saved[name] != tuple(model_tensors[name].shape)
    ):
        raise LmkitError(
            f"{checkpoint}: its weights are not those of this model, such as {wrong[0]}",
            "--model.* must be as in the checkpoint",
        )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file. Raises LmkitError if it is damaged."""
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise LmkitError(f"{path}: cannot be read: {error}", "use another checkpoint") from None


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Return all parameters and buffers of a model by name; a tied tensor by its first name."""
    added: set[int] = set()
    named: dict[str, Tensor] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in added:
            added.add(id(tensor))
            named[name] = tensor
    return named
