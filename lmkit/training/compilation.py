"""Whether the blocks of a model are compiled for training (torch.compile).

Choices:
- Only blocks, and only for training: all blocks of a kind share what is compiled, so a deep model
  takes no longer, and the shapes of validation and generation vary.
- `auto` compiles where that is repaid. On two cores with AMX (6 blocks of 384, steps of 4,096
  tokens) it takes 10 to 25 s, and steps are then 15 to 20% faster: repaid after about two minutes.
  On two cores with AVX2 alone products in fp32 take nearly all of a step, and compiled steps took
  as long as eager ones: there `auto` doesn't compile, nor with instructions that nobody tried.
  The time of a run is estimated, once, when it starts: from its FLOPs and from a product that is
  timed. On a GPU eager blocks leave much of it idle, so only very short runs aren't compiled.
- A compiler that is missing or broken is found before training, by a tiny function. `auto` then
  continues without, and says so.
- Rounding differs a little between compiled and eager blocks, and so do dropout masks: the choice
  is recorded with the run, and used again when it resumes.
"""

import math
import os
import shutil
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from lmkit.errors import ConfigError
from lmkit.execution.progress import warn
from lmkit.training.precision import PRODUCT_FLOPS, product_seconds

CompileOption = Literal["auto", "yes", "no"]
WORTHWHILE_SECONDS = {"cpu": 300.0, "cuda": 60.0}
"""Shortest run that `auto` compiles, by the kind of device; others aren't compiled."""
CPUS_THAT_GAIN = ("AVX512",)
"""Instruction sets, by torch's names, with which compiled blocks were faster on a CPU."""
FRACTION_OF_PRODUCT = 0.5
"""Speed of a step, as a fraction of that of a product."""
SECONDS_PER_BLOCK = 0.002
"""Of a micro-batch, forward and backward, however small it is."""
CPU_COMPILERS = ("g++", "clang++", "c++", "cl")


def is_compiled(option: CompileOption, device: torch.device, seconds: float) -> bool:
    """Return whether the blocks are compiled in a run that takes about so many seconds.

    Raises ConfigError where that was asked for and isn't possible.
    """
    if option == "no" or (option == "auto" and not _is_repaid(device, seconds)):
        return False
    problem = compiler_problem(device)
    if problem is None:
        return True
    if option == "yes":
        raise ConfigError(
            f"--compile: got yes, but {problem}", "install a compiler, or give --compile auto"
        )
    warn(f"steps would be faster if the model were compiled, but {problem}")
    return False


def estimated_seconds(
    flops: float, micro_batches: float, blocks: int, device: torch.device, precision: str
) -> float:
    """Return roughly how long this process will train.

    Args:
        flops: all FLOPs that it computes.
        micro_batches: how many batches, over all steps.
        blocks: of the model.
        device: what it computes on.
        precision: of the products; fp32, or Accelerate's word for it, which is no.

    """
    if device.type != "cpu":
        return flops / 1e14 + micro_batches * blocks * SECONDS_PER_BLOCK
    dtype = torch.float32 if precision in {"fp32", "no"} else torch.bfloat16
    speed = FRACTION_OF_PRODUCT * PRODUCT_FLOPS / product_seconds(dtype)
    return flops / speed + micro_batches * blocks * SECONDS_PER_BLOCK


def compiler_problem(device: torch.device) -> str | None:
    """Return why nothing can be compiled for a device, or None if something was."""
    if device.type == "cpu" and cpp_compiler() is None:
        return f"there is no C++ compiler ({', '.join(_compiler_names())})"
    try:
        x = torch.ones(64, device=device, requires_grad=True)
        torch.compile(_tiny, dynamic=False)(x).sum().backward()
    except Exception as error:  # whatever a compiler, a linker or a loader may raise
        first = str(error).strip().split("\n")[0][:200] or type(error).__name__
        return f"compiling fails here: {first}"
    finally:
        torch.compiler.reset()
    return None


def cpp_compiler() -> str | None:
    """Return the path of the C++ compiler for blocks on a CPU, if there is one."""
    return next((path for name in _compiler_names() if (path := shutil.which(name))), None)


def _is_repaid(device: torch.device, seconds: float) -> bool:
    if device.type == "cpu" and torch.backends.cpu.get_cpu_capability() not in CPUS_THAT_GAIN:
        return False
    return seconds >= WORTHWHILE_SECONDS.get(device.type, math.inf)


def _compiler_names() -> Sequence[str]:
    chosen = os.environ.get("CXX")
    return [chosen] if chosen else CPU_COMPILERS


def _tiny(x: Tensor) -> Tensor:
    return torch.sin(x) * 2
