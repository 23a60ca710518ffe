"""Blocks whose heads and hidden channels are divided among processes (Shoeybi et al. 2019).

Choices:
- What is computed outside of blocks is computed by each process, from the same numbers, and remains
  the same. That includes a bias of the scores, which all blocks share: attention takes that of its
  own heads from it.
- Weights that are full on each process, and used for a part of the heads, get their gradient from
  all: those of norms that are applied to heads (--model.qk-norm), and of biases of the scores.

Shapes: B batch, T time, S key positions, H heads.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn

from lmkit.model.attention_kernels import Mask, MaskWithEmptyRows
from lmkit.model.positions.transformer_xl import TransformerXLAttention
from lmkit.model.transformer import Block

PER_HEAD_WEIGHTS = (
    *("query_norm.weight", "key_norm.weight"),
    *("relative_bias", "content_bias", "position_bias"),
)
"""Weights that are full on each process, and used for a part of the heads."""


def apply_tensor_parallel(model: nn.Module, mesh: Any) -> nn.Module:
    """Divide the matrices of a model's blocks among the processes of a mesh; return the model."""
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    number, processes = mesh.get_local_rank(), mesh.size()
    for module in model.modules():
        if not isinstance(module, Block):
            continue
        plan: dict[str, Any] = {}
        for part in ("attention", "cross_attention"):
            if hasattr(module, part):
                plan |= {f"{part}.{name}": ColwiseParallel() for name in ("query", "key", "value")}
                plan[f"{part}.output"] = RowwiseParallel()
        plan["feed_forward.up"] = ColwiseParallel()
        plan["feed_forward.down"] = RowwiseParallel()
        if hasattr(module.feed_forward, "gate"):
            plan["feed_forward.gate"] = ColwiseParallel()
        if isinstance(module.attention, TransformerXLAttention):
            plan["attention.distance"] = ColwiseParallel()
            module.attention.first_channel = number * (module.attention.channels // processes)
        parallelize_module(module, mesh, plan)
        own = partial(_with_own_heads, number=number, processes=processes)
        module.attention.register_forward_pre_hook(own)
    return model


def _with_own_heads(
    _: nn.Module, arguments: tuple[Any, ...], *, number: int, processes: int
) -> tuple[Any, ...]:
    """Return the arguments of attention with the biases of one process's heads."""
    x_BTD, inputs, *rest = arguments
    return (x_BTD, inputs._replace(mask=of_heads(inputs.mask, number, processes)), *rest)


def of_heads(mask: Mask, number: int, processes: int) -> Mask:
    """Return a mask for the heads of one of several processes; most are the same for all heads."""
    if isinstance(mask, MaskWithEmptyRows):
        own = of_heads(mask.mask_B1TS, number, processes)
        assert isinstance(own, Tensor)
        return mask._replace(mask_B1TS=own)
    if not isinstance(mask, Tensor) or mask.ndim < 4 or mask.shape[1] == 1:
        return mask
    heads = mask.shape[1] // processes
    return mask[:, number * heads : (number + 1) * heads]
