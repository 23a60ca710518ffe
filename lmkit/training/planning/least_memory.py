"""A model that can't fit is refused before anything of it is built or written.

Choice: only what is certain is refused: weights and the optimizer's state alone, against all the
memory of the machine or GPU. Whether a run fits beside everything else, `--dry-run` says.
"""

import os
import resource
from contextlib import suppress

import torch

from lmkit.errors import ConfigError
from lmkit.execution.amounts import size
from lmkit.model.cost import parameters
from lmkit.model.options import ModelConfig
from lmkit.training.optimizers.registry import ALGORITHMS

WEIGHT_BYTES = 4
MOMENT_BYTES = 4


def refuse_too_large(
    model: ModelConfig, vocabulary_size: int, algorithm: str, device: torch.device, shards: int
) -> None:
    """Raise ConfigError for a model whose training needs more memory than there is.

    Args:
        model: its options.
        vocabulary_size: of its tokenizer.
        algorithm: the optimizer.
        device: where it is trained.
        shards: the processes that its weights are divided among; 1 where each has all of them.

    """
    available = installed_bytes(device)
    count = parameters(model, vocabulary_size)
    needed = (WEIGHT_BYTES + ALGORITHMS[algorithm].moments * MOMENT_BYTES) * count // shards
    if available is not None and needed > available:
        each = " for each process" if shards > 1 else ""
        raise ConfigError(
            f"the model has {count:,} parameters: they and the optimizer's state alone need "
            f"{size(needed)}{each}, and {_where(device)} has {size(available)}",
            "choose a smaller --model.hidden-size, --model.layers or --model.preset, or divide the "
            "weights among more processes: --parallel fsdp; --dry-run shows what needs how much",
        )


def installed_bytes(device: torch.device) -> int | None:
    """Return all memory that a process may have on a device; None where it isn't known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    known: list[int] = []
    with suppress(ValueError, OSError, AttributeError):
        known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        known.append(soft)
    return min(known, default=None)


def _where(device: torch.device) -> str:
    return f"{device}" if device.type == "cuda" else "this machine"
