"""How several processes share the computation of a step.

    ddp      each has all weights, and different sequences
    fsdp     each has a shard of every weight, and different sequences; a block is gathered when it
             is needed, and freed (ZeRO stage 3, Rajbhandari et al. 2020, arXiv 1910.02054)
    tensor   each has some heads and a part of the feed-forward network's hidden size, and all have
             the same sequences (Shoeybi et al. 2019, arXiv 1909.08053)

Choices:
- Accelerate manages devices, precision and DDP. It silently ignores its FSDP plugin on CPUs, so the
  other two modes are torch's `fully_shard` and `parallelize_module`.
- Gradients are averaged over the data-parallel ranks; the loss is multiplied by their number first,
  so that all are sums over the global batch.
- A model may be given on the `meta` device: it is sharded before its weights have memory
  (`sharded_start`).
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any, Literal, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from lmkit.errors import ConfigError
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Block
from lmkit.training.distributed.sharded_weights import (
    LocalShard,
    collect_gradients,
    local_shards,
    sum_of_squares,
)
from lmkit.training.distributed.tensor_parallel import PER_HEAD_WEIGHTS, apply_tensor_parallel

ParallelMode = Literal["ddp", "fsdp", "tensor"]


class Parallelism:
    """The processes that train one model, in one of them."""

    def __init__(
        self, model: nn.Module, accelerator: Accelerator, mode: ParallelMode = "ddp"
    ) -> None:
        self.model, self.accelerator, self.mode = model, accelerator, mode
        self.processes = accelerator.num_processes
        if self.processes == 1:
            self.mode = "ddp"
        if self.mode == "ddp":
            self._wrapped_model: nn.Module = accelerator.prepare_model(model)
        else:
            self._wrapped_model = (_apply_fsdp if self.mode == "fsdp" else apply_tensor_parallel)(
                model, self._mesh
            )

    @property
    def _mesh(self) -> Any:
        from torch.distributed.device_mesh import init_device_mesh

        return init_device_mesh(self.accelerator.device.type, (self.processes,))

    @cached_property
    def local_shards(self) -> list[LocalShard]:
        """The shard of each weight on this process."""
        return local_shards(self.model)

    @property
    def data_parallel_rank(self) -> int:
        """Which part of the batch this process reads."""
        return 0 if self.mode == "tensor" else self.accelerator.process_index

    @property
    def data_parallel_size(self) -> int:
        """The number of parts of the batch."""
        return 1 if self.mode == "tensor" else self.processes

    def reduce_sum(self, local: Tensor) -> Tensor:
        """Add up over the data-parallel ranks."""
        return (
            local
            if self.data_parallel_size == 1
            else cast(Tensor, self.accelerator.reduce(local, "sum"))
        )

    def any_rank(self, local: bool) -> bool:
        """Return whether something is true on any process."""
        if self.processes == 1:
            return local
        flag = torch.full((), float(local), device=self.accelerator.device)
        return bool(cast(Tensor, self.accelerator.reduce(flag, "sum")).item())

    def call(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the summed loss of a batch."""
        if self.mode == "ddp":
            return self._wrapped_model(**batch)
        with self.accelerator.autocast():
            return self._wrapped_model(**batch)

    @contextmanager
    def micro_batch_context(self, *, last: bool) -> Generator[None]:
        """Context of a micro-batch; gradients are synchronized in the last one of a step."""
        if self.mode == "fsdp":
            self._wrapped_model.set_requires_gradient_sync(last)  # pyright: ignore
        without_sync = self.mode == "ddp" and not last
        with self.accelerator.no_sync(self._wrapped_model) if without_sync else nullcontext():
            yield

    @contextmanager
    def whole_model(self) -> Generator[None]:
        """Context in which any method of the model can be called, on all processes alike.

        FSDP gathers a block when it is called, and all other weights only for `forward`: without
        this, `features` and `logits` would find shards.
        """
        if self.mode != "fsdp":
            yield
            return
        root = cast(Any, self._wrapped_model)
        root.unshard()
        try:
            yield
        finally:
            root.reshard()

    def collect_gradients(self) -> None:
        """Pass the gradients of a step to the optimizer's parameters."""
        if self.mode == "tensor":
            for one in self.local_shards:
                if one.name.endswith(PER_HEAD_WEIGHTS) and one.parameter.grad is not None:
                    gradient = cast(Tensor, self.accelerator.reduce(one.parameter.grad, "sum"))
                    one.parameter.grad = gradient
        collect_gradients(self.local_shards)

    @property
    def norm_of(self) -> Callable[[list[Tensor]], Tensor] | None:
        """Return the function for the norm of sharded gradients; None: torch's."""
        return None if self.mode == "ddp" else lambda _: self._norm()

    def _norm(self) -> Tensor:
        parts = sum_of_squares(self.local_shards, sharded=True).to(self.accelerator.device)
        parts = cast(Tensor, self.accelerator.reduce(parts, "sum"))
        return (parts + sum_of_squares(self.local_shards, sharded=False).to(parts.device)).sqrt()


def refuse_mode(mode: ParallelMode, processes: int, config: ModelConfig) -> None:
    """Raise ConfigError where a model doesn't support a mode."""
    if mode != "tensor" or processes == 1:
        return
    if config.qk_norm and config.qk_norm_over != "head":
        raise ConfigError(
            "--parallel tensor: can't be combined with --model.qk-norm-over "
            f"{config.qk_norm_over}, which needs all heads on each process",
            "--parallel fsdp works with all models",
        )
    for option, number in (
        ("--model.kv-heads", config.shape.kv_heads),
        ("--model.ffn-size", config.shape.ffn_size),
    ):
        if number % processes:
            raise ConfigError(
                f"{option}: got {number}, must be a multiple of the {processes} processes with "
                "--parallel tensor",
                "use another number of processes, or --parallel fsdp",
            )


def _apply_fsdp(model: nn.Module, mesh: Any) -> nn.Module:
    from torch.distributed.fsdp import fully_shard

    for module in model.modules():
        if isinstance(module, Block):
            fully_shard(module, mesh=mesh)
    # Reshard also after a forward pass without a backward pass: else validation would leave full
    # weights that the next update doesn't change.
    fully_shard(model, mesh=mesh, reshard_after_forward=True)
    return model
