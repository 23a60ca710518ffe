"""How the processes of a run were started, and Accelerate's configuration in each.

Choices:
- Plain `lmkit pretrain` is one process; torchrun and `accelerate launch` start several. The
  configuration of the latter is used where lmkit has an equivalent, and refused where it would take
  over the backward pass, the optimizer or the checkpoints.
- Nothing here imports torch before it is needed.
"""

import os
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from lmkit.errors import ConfigError
from lmkit.execution.progress import log_message
from lmkit.execution.ranks import ranks
from lmkit.training.precision import DeviceName, Precision, find_device

ParallelMode = Literal["ddp", "fsdp", "tensor"]


def refuse_launcher_plugins() -> None:
    """Refuse plugins of `accelerate launch` that take over training."""
    for name, plugin in (("DEEPSPEED", "DeepSpeed"), ("MEGATRON_LM", "Megatron-LM")):
        if _is_on(os.environ.get(f"ACCELERATE_USE_{name}")):
            raise ConfigError(
                f"accelerate launch: its configuration asks for {plugin}, which would take over "
                "the backward pass, the optimizer and the checkpoints",
                "launch without it, and give --parallel fsdp",
            )


def requested_mode(mode: ParallelMode) -> ParallelMode:
    """Return the parallel mode; FSDP, where `accelerate launch` was configured for it.

    This switches off Accelerate's FSDP: lmkit's replaces it.
    """
    if not _is_on(os.environ.pop("ACCELERATE_USE_FSDP", None)):
        return mode
    log_message("accelerate launch asks for FSDP: taken as --parallel fsdp")
    return "fsdp"


def accelerator_for(device: "DeviceName", precision: "Precision") -> "Accelerator":
    """Return an Accelerator for this process."""
    if ranks() == 1:
        # Another run may have been in this process. Accelerate's tests call this, too.
        AcceleratorState._reset_state(True)  # pyright: ignore[reportPrivateUsage]
    mixed_precision = "no" if precision == "fp32" else precision
    # Not the name: on a machine without GPUs `auto` is a CPU, too, and several processes that are
    # not told so would each train alone.
    is_cpu = find_device(device).type == "cpu"
    accelerator = Accelerator(cpu=is_cpu, mixed_precision=mixed_precision)
    accelerator.scaler = None  # lmkit has its own for fp16 (`loss_scale`)
    gpus = torch.cuda.device_count() if accelerator.device.type == "cuda" else 0
    if gpus > ranks():
        log_message(
            f"this machine has {gpus} GPUs, and {ranks()} is used; to use all of them: "
            f"torchrun --nproc-per-node {gpus} -m lmkit pretrain ..."
        )
    return accelerator


def _is_on(value: str | None) -> bool:
    return (value or "").lower() in {"1", "true"}
