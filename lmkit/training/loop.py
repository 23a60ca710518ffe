"""Steps: rows in, weights moved, one record for each.

Choices:
- The loss of a step is the sum over its targets divided by their number, over all micro-batches
  and ranks alike: the mean of the means of unequal parts is another number. DDP averages the
  gradients over ranks; each rank's share is multiplied by their number first.
- What a step computes follows from (seed, step, rank) alone: the rows (`order`), what the objective
  draws for them (`batches`), the learning rate (`schedule`), and dropout, for which torch is seeded
  anew. There is no other state than weights, moments and `Progress`.
- A GPU is told what to do one step ahead: its numbers are read when the next step is already
  queued, so reading never makes it idle. Hence a record comes late there, by one step; before
  validation and saving all of them are in.
- Whether to stop is asked on every rank and decided by all together, or one would wait for ever
  for the others.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW

from lmkit.errors import LmkitError
from lmkit.objectives.choice import Objective
from lmkit.tokens.draws import draw
from lmkit.training.batches import Arguments, TrainingRows, Work, ahead, work_of
from lmkit.training.metrics import Record, finite
from lmkit.training.optimizer import OptimConfig, update
from lmkit.training.order import passes_of_rank, rows_of_step
from lmkit.training.schedule import ScheduleConfig, learning_rate

Order = Callable[[int, int, int, int], NDArray[np.int64]]
"""From the seed, a step, the rows of a batch and all rows to those that the step reads."""

PATIENCE = 10
"""Steps in a row that may be skipped. A spike passes in one or two; ten are a run that is lost."""


@dataclass(frozen=True)
class Recipe:
    """What decides the numbers of a run, beside its model, its data and its objective."""

    seed: int
    steps: int
    rows_per_batch: int
    """Of the global batch: over all ranks and micro-batches."""
    micro_batch: int
    """Rows that a rank computes at a time; it changes memory and speed, and no result."""
    optim: OptimConfig
    schedule: ScheduleConfig
    validate_every: int | None = None
    save_every: int | None = None

    def validates_after(self, step: int) -> bool:
        """Whether to validate behind a step; behind the last one always."""
        return _is_due(step, self.validate_every) or step == self.steps

    def saves_after(self, step: int) -> bool:
        """Whether to save behind a step; behind the last one always."""
        return _is_due(step, self.save_every) or step == self.steps

    def pauses_after(self, step: int) -> bool:
        """Whether anything but the next step follows a step."""
        return self.validates_after(step) or self.saves_after(step)


@dataclass(frozen=True)
class Progress:
    """How far a run is: the state of a checkpoint."""

    step: int = 0
    tokens: int = 0
    """Tokens read, padding not counted."""
    skipped: int = 0
    """Steps left out because their gradient was not finite."""
    dropped: int = 0
    """Text tokens that the objective left out."""
    validation_loss: float | None = None
    """If it was measured after this very step, and is finite."""


@dataclass(frozen=True)
class Hooks:
    """What a run tells and asks its surroundings, on every rank."""

    validate: Callable[[], float] | None = None
    """Returns the loss on held-out text."""
    on_step: Callable[[Record], None] = lambda _: None
    """Takes the record of each step, in order."""
    on_save: Callable[[Progress], None] = lambda _: None
    """Writes a checkpoint, after the step's record."""
    should_stop: Callable[[], bool] = lambda: False
    """Asked at every step; the run is saved before it ends early."""
    warn: Callable[[str], None] = lambda _: None
    """Told about steps that are skipped."""


def train(
    model: nn.Module,
    optimizer: AdamW,
    accelerator: Accelerator,
    data: TrainingRows,
    objective: Objective,
    recipe: Recipe,
    start: Progress = Progress(),
    hooks: Hooks = Hooks(),
    order: Order = rows_of_step,
) -> Progress:
    """Train from behind `start` to the last step, or until told to stop; return how far it came.

    Args:
        model: returns the summed loss of a batch; prepared by the accelerator.
        optimizer: of the model, not prepared.
        accelerator: with no accumulation of its own, and fp32 or bf16.
        data: what the rows of a step are read from.
        objective: makes a batch of rows and of the keys of their random numbers.
        recipe: what decides the numbers.
        start: where a checkpoint left off.
        hooks: whom to tell, and whom to ask.
        order: which rows a step reads; by itself, each row once an epoch.

    Raises:
        LmkitError: the gradient stayed infinite or NaN.

    """
    assert accelerator.gradient_accumulation_steps == 1, "it would divide the loss once more"
    assert accelerator.scaler is None, "a scaled gradient would be clipped by its scale"

    def make(step: int) -> Work:
        rows = order(recipe.seed, step, recipe.rows_per_batch, len(data))
        rank, ranks = accelerator.process_index, accelerator.num_processes
        passes = passes_of_rank(rows, rank, ranks, recipe.micro_batch)
        pin = accelerator.device.type == "cuda"
        return work_of(recipe.seed, step, passes, data, objective, pin)

    trainer = _Trainer(model, optimizer, accelerator, recipe, hooks.should_stop)
    ledger = _Ledger(start, recipe, hooks)
    lag = 1 if accelerator.device.type == "cuda" else 0
    with closing(ahead(make, range(start.step + 1, recipe.steps + 1))) as works:
        for work in works:
            ledger.waiting.append(trainer.step(work))
            ledger.settle(0 if recipe.pauses_after(work.step) else lag)
            if ledger.stopping:
                break
    ledger.settle(0)
    ledger.save()
    return ledger.progress


class _Trainer:
    """Queues the work of one step after the other."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: AdamW,
        accelerator: Accelerator,
        recipe: Recipe,
        should_stop: Callable[[], bool],
    ) -> None:
        self._model, self._optimizer, self._accelerator = model, optimizer, accelerator
        self._recipe, self._should_stop = recipe, should_stop

    def step(self, work: Work) -> "_Reading":
        """Compute the gradient of the global batch and move the weights."""
        recipe, accelerator = self._recipe, self._accelerator
        self._model.train()  # validation may have switched dropout off
        torch.manual_seed(draw(recipe.seed, work.step, accelerator.process_index))
        lr = learning_rate(work.step, recipe.optim.lr, recipe.steps, recipe.schedule)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        counts = self._counted(work.targets, work.tokens, work.dropped, self._should_stop())
        # A batch without any target has no gradient; a division by 0 would make it NaN.
        share = accelerator.num_processes / counts[0].clamp(min=1)
        nll = torch.zeros((), dtype=counts.dtype, device=accelerator.device)
        for number, batch in enumerate(work.batches, start=1):
            last = number == len(work.batches)
            with nullcontext() if last else accelerator.no_sync(self._model):
                summed = self._model(**self._on_device(batch))
                accelerator.backward(summed * share.to(summed.dtype))
            nll += summed.detach()
        loss = self._summed(nll) / counts[0]
        norm = update(self._optimizer, recipe.optim.clip)
        values = torch.stack([loss, norm.to(loss.dtype), *counts[1:]])
        return _Reading(work.step, lr, values)

    def _counted(self, *values: int) -> Tensor:
        """Add up counts over ranks."""
        device = self._accelerator.device
        # They are exact in fp64; Apple's GPUs have only fp32.
        dtype = torch.float32 if device.type == "mps" else torch.float64
        # full, not tensor: that one copies from the CPU, and waits until the GPU is idle.
        return self._summed(
            torch.stack([torch.full((), value, dtype=dtype, device=device) for value in values])
        )

    def _summed(self, own: Tensor) -> Tensor:
        ranks = self._accelerator.num_processes
        return own if ranks == 1 else cast(Tensor, self._accelerator.reduce(own, "sum"))

    def _on_device(self, batch: Arguments) -> Arguments:
        device = self._accelerator.device
        return {name: t.to(device, non_blocking=True) for name, t in batch.items()}


class _Reading:
    """The numbers of a step, on their way from the device."""

    def __init__(self, step: int, lr: float, values: Tensor) -> None:
        self.step, self.lr = step, lr
        self._values = values.to("cpu", non_blocking=True)
        self._arrived: torch.cuda.Event | None = None
        if values.device.type == "cuda":
            self._arrived = torch.cuda.Event()
            self._arrived.record()
        elif values.device.type != "cpu":
            self._values = values.cpu()  # elsewhere nothing tells when a copy has arrived

    def read(self) -> tuple[float, float, int, int, bool]:
        """Wait: loss, norm of the gradient, tokens, those dropped, whether some rank is to stop."""
        if self._arrived is not None:
            self._arrived.synchronize()
        loss, norm, tokens, dropped, stop = self._values.tolist()
        return loss, norm, int(tokens), int(dropped), stop > 0


class _Ledger:
    """Turns readings into records, keeps count, and does what is due behind a step."""

    def __init__(self, start: Progress, recipe: Recipe, hooks: Hooks) -> None:
        self.progress = start
        self._saved = start.step
        self.stopping = False
        self.waiting: deque[_Reading] = deque()
        self._recipe, self._hooks = recipe, hooks
        self._skipped_in_a_row = 0
        self._last = time.perf_counter()

    def settle(self, rest: int) -> None:
        """Wait for the numbers of all steps but the last `rest`, and do what is due behind them."""
        while len(self.waiting) > rest:
            record = self._enter(self.waiting.popleft())
            step, hooks = record.step, self._hooks
            if hooks.validate is not None and self._recipe.validates_after(step):
                loss = hooks.validate()
                record = replace(record, validation_loss=loss)
                self.progress = replace(self.progress, validation_loss=finite(loss))
            hooks.on_step(record)
            if self._recipe.saves_after(step):
                self.save()
            if self._recipe.pauses_after(step):
                self._last = time.perf_counter()  # this was no time of the next step

    def save(self) -> None:
        """Save where the run is, unless it is already."""
        if self.progress.step != self._saved:
            self._hooks.on_save(self.progress)
            self._saved = self.progress.step

    def _enter(self, reading: _Reading) -> Record:
        loss, norm, tokens, dropped, stop = reading.read()
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self.stopping = self.stopping or stop
        skipped = not math.isfinite(norm)
        self._skipped_in_a_row = self._skipped_in_a_row + 1 if skipped else 0
        self.progress = Progress(
            step=reading.step,
            tokens=self.progress.tokens + tokens,
            skipped=self.progress.skipped + skipped,
            dropped=self.progress.dropped + dropped,
        )
        if skipped:
            self._tell_of_skip(reading.step, norm)
        return Record(
            step=reading.step,
            tokens=self.progress.tokens,
            loss=loss,
            lr=reading.lr,
            gradient_norm=norm,
            tokens_per_second=tokens / seconds,
        )

    def _tell_of_skip(self, step: int, norm: float) -> None:
        if self._skipped_in_a_row >= PATIENCE:
            raise LmkitError(
                f"step {step}: the gradient was infinite or NaN for {PATIENCE} steps in a row; "
                "training has diverged",
                "lower --optim.lr, lengthen --schedule.warmup-steps, or use --precision fp32",
            )
        self._hooks.warn(f"step {step}: the norm of the gradient is {norm}; the step was skipped")


def _is_due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
