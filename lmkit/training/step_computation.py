"""The computation of a step: the gradient of a global batch, and an update of the weights.

Choices:
- The loss of a step is the sum over its targets divided by their number, over all micro-batches and
  ranks: the mean of the means of unequal parts is another number. Gradients are averaged over the
  data-parallel ranks (`parallelism`); each rank's loss is multiplied by their number.
- Dropout depends on (seed, step, rank): it is seeded at each step.
- Everything that is read of a step is in one tensor, which is copied from the device while the next
  step is queued.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from lmkit.counter_rng import draw
from lmkit.errors import LmkitError
from lmkit.training.data.step_batches import Arguments, StepBatches
from lmkit.training.device_seed import seed_device
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.loss_scale import LossScale
from lmkit.training.monitoring.update_ratio import UpdateRatio
from lmkit.training.optimizer import LR_FACTOR, CombinedOptimizer, update
from lmkit.training.training_recipe import Recipe


class StepNumbers(NamedTuple):
    """The numbers of a step, over all data-parallel ranks."""

    loss: float
    """Mean over all targets, in nats; NaN without any."""
    gradient_norm: float
    targets: int
    tokens: int
    dropped: int
    """Text tokens that the objective dropped."""
    stop: bool
    """Whether a rank was asked to stop."""
    waited: float
    """Seconds for which a rank waited for its sequences; their mean."""
    update_ratio: dict[str, float] | None
    """Norm of the change of the weights over their norm, where it was measured."""


class StepResult:
    """The numbers of a step, on their way from the device."""

    def __init__(self, step: int, lr: float, values: Tensor, parts: Sequence[str]) -> None:
        self.step, self.lr = step, lr
        self._parts = parts
        self._values = values.to("cpu", non_blocking=True)
        self._arrived: torch.cuda.Event | None = None
        if values.device.type == "cuda":
            self._arrived = torch.cuda.Event()
            self._arrived.record()
        elif values.device.type != "cpu":
            self._values = values.cpu()  # other devices have no event for the end of a copy

    def read(self) -> StepNumbers:
        """Wait for the numbers."""
        if self._arrived is not None:
            self._arrived.synchronize()
        loss, norm, targets, tokens, dropped, stop, waited, *ratios = self._values.tolist()
        return StepNumbers(
            loss=loss,
            gradient_norm=norm,
            targets=int(targets),
            tokens=int(tokens),
            dropped=int(dropped),
            stop=stop > 0,
            waited=waited,
            update_ratio=dict(zip(self._parts, ratios, strict=True)) or None,
        )


class StepComputation:
    """Queues the computation of one step after the other."""

    def __init__(
        self,
        parallelism: Parallelism,
        optimizer: Optimizer | CombinedOptimizer,
        recipe: Recipe,
        left_out: int,
        scale: LossScale | None,
        should_stop: Callable[[], bool],
        warn: Callable[[str], None],
    ) -> None:
        self._team, self._optimizer, self._scale = parallelism, optimizer, scale
        self._recipe, self._left_out = recipe, left_out
        self._should_stop, self._warn = should_stop, warn
        self._splits = 1
        self._update_ratio = UpdateRatio(parallelism.local_shards) if recipe.measure_every else None
        self._device = parallelism.accelerator.device

    def step(self, step_inputs: StepBatches, waited: float) -> StepResult:
        """Compute the gradient of the global batch and update the weights.

        `waited` is in seconds, and only passed on.

        Where memory runs out, a single process halves its micro-batches and tries again: no weight
        has changed yet, and what the failed `_step` held is freed with it. Several processes can't,
        since the others are waiting in the middle of the step.
        """
        while True:
            try:
                return self._step(step_inputs, waited)
            except torch.OutOfMemoryError:
                rows = max(len(batch["tokens_BT"]) for batch in step_inputs.batches)
                if self._team.processes > 1 or self._splits >= rows:
                    raise LmkitError(
                        f"step {step_inputs.step}: out of memory with {rows:,} sequences at a time",
                        "the same command with a smaller --micro-batch resumes",
                    ) from None
            self._splits *= 2
            for shard in self._team.local_shards:
                shard.parameter.grad = None
            torch.cuda.empty_cache()
            self._warn(
                f"step {step_inputs.step}: out of memory; micro-batches are split in {self._splits}"
            )

    def _step(self, step_inputs: StepBatches, waited: float) -> StepResult:
        recipe, parallelism = self._recipe, self._team
        if not parallelism.model.training:  # validation has switched dropout off
            parallelism.model.train()
        seed_device(
            self._device,
            draw(recipe.seed, step_inputs.step + self._left_out, parallelism.data_parallel_rank),
        )
        lr = recipe.learning_rate(step_inputs.step)
        for group in self._optimizer.param_groups:
            group["lr"] = lr * group.get(LR_FACTOR, 1.0)
        # All are checked, even with one data-parallel rank: another may have got the signal.
        stop = (
            parallelism.any_rank(self._should_stop())
            if parallelism.data_parallel_size == 1
            else self._should_stop()
        )
        counts = self._sum_counts(
            step_inputs.targets,
            step_inputs.tokens,
            step_inputs.dropped,
            stop,
            waited / parallelism.data_parallel_size,
        )
        # A batch without any target has no gradient; a division by 0 would make it NaN.
        loss_factor = parallelism.data_parallel_size / counts[0].clamp(min=1)
        nll = torch.zeros((), dtype=counts.dtype, device=self._device)
        batches = [piece for batch in step_inputs.batches for piece in _split(batch, self._splits)]
        for number, batch in enumerate(batches, start=1):
            with parallelism.micro_batch_context(last=number == len(batches)):
                nll += self._accumulate(batch, loss_factor)
        loss = parallelism.reduce_sum(nll) / counts[0]
        parallelism.collect_gradients()
        if self._scale is not None:
            self._scale.unscale(shard.local.grad for shard in parallelism.local_shards)
        norm, ratios = self._update(measured=recipe.measures(step_inputs.step))
        if self._scale is not None:
            self._scale.update(norm)
        values = torch.stack([loss, norm.to(loss.dtype), *counts, *ratios.values()])
        return StepResult(step_inputs.step, lr, values, tuple(ratios))

    def _accumulate(self, batch: Arguments, loss_factor: Tensor) -> Tensor:
        """Add a micro-batch's gradient to that of the step; return its summed loss.

        What autograd recorded of it is gone on return. Kept until the next loss, its many small
        allocations lay between the freed activations, which the next forward pass could not use.
        """
        summed = self._team.call(self._on_device(batch))
        mean = summed * loss_factor.to(summed.dtype)
        self._team.accelerator.backward(mean if self._scale is None else self._scale.scaled(mean))
        return summed.detach()

    def _update(self, *, measured: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Update the weights; return the gradient norm, and how far each part has moved."""
        ratio = self._update_ratio if measured else None
        before = ratio.before() if ratio else []
        norm = update(self._optimizer, self._recipe.optim.grad_clip, self._team.norm_of)
        if ratio is None:
            return norm, {}
        moved = ratio.after(before, self._team.reduce_sum).double()
        return norm, dict(zip(ratio.parts, moved, strict=True))

    def _sum_counts(self, *values: float) -> Tensor:
        """Add up counts over the data-parallel ranks."""
        # They are exact in fp64; Apple's GPUs have only fp32.
        dtype = torch.float32 if self._device.type == "mps" else torch.float64
        if self._device.type == "cpu":
            return self._team.reduce_sum(torch.tensor(values, dtype=dtype))
        # full, not tensor, which copies from the CPU, and waits until the GPU is idle.
        return self._team.reduce_sum(
            torch.stack([torch.full((), v, dtype=dtype, device=self._device) for v in values])
        )

    def _on_device(self, batch: Arguments) -> Arguments:
        return {name: t.to(self._device, non_blocking=True) for name, t in batch.items()}


def _split(batch: Arguments, splits: int) -> list[Arguments]:
    """Split a batch in parts of about equal size; none is empty."""
    if splits == 1:
        return [batch]
    splits = min(splits, len(batch["tokens_BT"]))
    split_tensors = {name: tensor.tensor_split(splits) for name, tensor in batch.items()}
    return [
        {name: parts[number] for name, parts in split_tensors.items()} for number in range(splits)
    ]
