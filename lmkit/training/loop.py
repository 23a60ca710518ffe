"""The training loop: sequences in, weights updated, one record per step.

Choices:
- What a step computes depends only on (seed, step, rank): the sequences (`sequence_order`), the
  objective's random numbers (`step_batches`), the learning rate (`schedule`), and dropout
  (`step_computation`). There is no other state than weights, moments and `Progress`.
  Batches that were skipped after a spike shift those of all later steps.
- A GPU is queued one step ahead: its numbers are read when the next step is already queued, so
  reading never makes it idle. Hence a record is one step late there; before validation and saving
  all of them are read.
- Whether to stop is checked on every rank and decided by all together, or one would wait for the
  others indefinitely.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from torch.optim import Optimizer

from lmkit.errors import LmkitError
from lmkit.objectives.batch import MakeBatch
from lmkit.training.data.batch_sizes import BatchRange
from lmkit.training.data.sequence_order import micro_batches_of_rank, rows_of_batch
from lmkit.training.data.step_batches import (
    StepBatches,
    TrainingRows,
    groups_of_steps,
    prefetch,
    read_micro_batches,
    step_batches,
)
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.loss_scale import LossScale
from lmkit.training.loss_spikes import highest_expected, is_spike, updated_history, z_score
from lmkit.training.metrics import Record, finite
from lmkit.training.optimizer import CombinedOptimizer
from lmkit.training.step_computation import StepComputation, StepResult
from lmkit.training.training_recipe import Recipe

Order = Callable[[int, BatchRange, int], NDArray[np.int64]]
"""From the seed, a batch and the number of sequences to those of the batch."""

MAX_SKIPPED_IN_A_ROW = 10
"""Consecutive steps that may be skipped. A spike lasts one or two; ten mean divergence."""


@dataclass(frozen=True)
class Progress:
    """The progress of a run: the training state in a checkpoint."""

    step: int = 0
    tokens: int = 0
    """Tokens read, padding not counted."""
    skipped: int = 0
    """Steps skipped because their gradient was not finite."""
    dropped: int = 0
    """Text tokens that the objective dropped."""
    validation_loss: float | None = None
    """If it was measured after this step, and is finite."""
    left_out: int = 0
    """Batches that were read and skipped, after spikes."""
    rollbacks: int = 0
    """How often the run went back to a checkpoint."""
    history: tuple[float, ...] = ()
    """The last losses, for `loss_spikes`."""


class SpikeError(Exception):
    """The loss has spiked, and the run resumes from a checkpoint, without the batches since."""

    def __init__(self, step: int, reached: int) -> None:
        super().__init__(f"step {step}: spike")
        self.step, self.reached = step, reached
        """Of the spike, and of the last batch that was read."""


@dataclass(frozen=True)
class Hooks:
    """Callbacks of a run, on every rank."""

    validate: Callable[[], float] | None = None
    """Returns the loss on held-out text."""
    evaluate: Callable[[Record, Callable[[], None]], Record] | None = None
    """Adds the scores on tasks to the record of a step; calls what it gets before each task."""
    sample: Callable[[int, Callable[[], None]], None] | None = None
    """Generates texts after the record of a step; calls what it gets before each."""
    on_step: Callable[[Record], None] = lambda _: None
    """Takes the record of each step, in order."""
    on_save: Callable[[Progress], None] = lambda _: None
    """Writes a checkpoint, after the step's record."""
    should_stop: Callable[[], bool] = lambda: False
    """Called at every step; the run is saved before it ends early."""
    warn: Callable[[str], None] = lambda _: None
    """Reports steps that are skipped, and spikes."""
    on_beat: Callable[[int, str], None] = lambda *_: None
    """Called with the step and what is done now."""


def train(
    parallelism: Parallelism,
    optimizer: Optimizer | CombinedOptimizer,
    data: TrainingRows,
    make_batch: MakeBatch,
    recipe: Recipe,
    start: Progress = Progress(),
    hooks: Hooks = Hooks(),
    order: Order = rows_of_batch,
    scale: LossScale | None = None,
) -> Progress:
    """Train from after `start` to the last step, or until asked to stop; return the progress.

    Args:
        parallelism: a model that returns the summed loss of a batch, on its devices.
        optimizer: of this process's shards of the model.
        data: the sequences.
        make_batch: makes a batch of sequences and of the keys of their random numbers.
        recipe: what determines the numbers.
        start: the state of a checkpoint.
        hooks: callbacks.
        order: which sequences a step reads; by default each sequence once per epoch.
        scale: of the loss, in fp16.

    Raises:
        LmkitError: the gradient remained infinite or NaN.
        SpikeError: the loss has spiked, and the recipe asks for a rollback.

    """
    accelerator = parallelism.accelerator
    assert accelerator.gradient_accumulation_steps == 1, "it would divide the loss again"
    assert accelerator.scaler is None, "a scaled gradient would be clipped by its scale"

    rank, ranks = parallelism.data_parallel_rank, parallelism.data_parallel_size
    pin = accelerator.device.type == "cuda"

    def micro_batches_of(number: int) -> list[NDArray[np.int64]]:
        rows = order(recipe.seed, recipe.batch_sizes.range_of(number), len(data))
        return micro_batches_of_rank(rows, rank, ranks, recipe.micro_batch)

    def make(steps: range) -> list[StepBatches]:
        numbers = [step + start.left_out for step in steps]
        parts = [micro_batches_of(number) for number in numbers]
        read = read_micro_batches(data, chain.from_iterable(parts))
        return [
            replace(step_batches(recipe.seed, number, part, read, make_batch, pin), step=step)
            for step, number, part in zip(steps, numbers, parts, strict=True)
        ]

    computation = StepComputation(
        parallelism, optimizer, recipe, start.left_out, scale, hooks.should_stop, hooks.warn
    )
    tracker = _ProgressTracker(start, recipe, hooks, is_fp16=scale is not None)
    lag = 1 if accelerator.device.type == "cuda" else 0
    steps = range(start.step + 1, recipe.steps + 1)
    groups = groups_of_steps(steps, -(-recipe.batch_sizes.most // ranks) * data.sequence_length)
    with closing(prefetch(make, groups)) as prefetched:
        for step_inputs, waited in _with_wait(prefetched):
            hooks.on_beat(step_inputs.step, "computing")
            tracker.queued.append(computation.step(step_inputs, waited))
            tracker.finish_steps(0 if recipe.pauses_after(step_inputs.step) else lag)
            if tracker.stopping:
                break
            hooks.on_beat(step_inputs.step + 1, "reading sequences")
    tracker.finish_steps(0)
    tracker.save()
    return tracker.progress


def _with_wait(steps: Iterator[StepBatches]) -> Iterator[tuple[StepBatches, float]]:
    """Yield the batches of each step, and the seconds that they were waited for."""
    while True:
        asked = time.perf_counter()
        step_inputs = next(steps, None)
        if step_inputs is None:
            return
        yield step_inputs, time.perf_counter() - asked


class _ProgressTracker:
    """Makes records of results, counts, and validates and saves when it is due."""

    def __init__(self, start: Progress, recipe: Recipe, hooks: Hooks, *, is_fp16: bool) -> None:
        self.progress = start
        self._max_skipped = MAX_SKIPPED_IN_A_ROW * (3 if is_fp16 else 1)
        self._saved = start.step
        self.stopping = False
        self.queued: deque[StepResult] = deque()
        self._recipe, self._hooks = recipe, hooks
        self._skipped_in_a_row = 0
        self._has_warned_of_no_target = False
        self._last = time.perf_counter()

    def finish_steps(self, pending: int) -> None:
        """Wait for the results of all but the last `pending` steps, and do what is due then."""
        while len(self.queued) > pending:
            record = self._record(self.queued.popleft())
            step, hooks = record.step, self._hooks
            if hooks.validate is not None and self._recipe.validates_after(step):
                hooks.on_beat(step, "validating")
                loss = hooks.validate()
                record = replace(record, validation_loss=loss)
                self.progress = replace(self.progress, validation_loss=finite(loss))
            if hooks.evaluate is not None and self._recipe.evaluates_after(step):
                record = hooks.evaluate(record, partial(hooks.on_beat, step, "scoring tasks"))
            hooks.on_step(record)
            if hooks.sample is not None and self._recipe.samples_after(step):
                hooks.sample(step, partial(hooks.on_beat, step, "generating samples"))
            if self._recipe.saves_after(step):
                self.save()
            if self._recipe.pauses_after(step):
                self._last = time.perf_counter()  # this time isn't the next step's

    def save(self) -> None:
        """Save the progress, unless it is saved already."""
        if self.progress.step != self._saved:
            self._hooks.on_save(self.progress)
            self._saved = self.progress.step

    def _record(self, result: StepResult) -> Record:
        numbers = result.read()
        loss, norm = numbers.loss, numbers.gradient_norm
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self.stopping = self.stopping or numbers.stop
        skipped = not math.isfinite(norm)
        history = self.progress.history
        highest = highest_expected(history, self._recipe.spike)
        self._skipped_in_a_row = self._skipped_in_a_row + 1 if skipped else 0
        if skipped:
            self._handle_skip(result.step, norm)
        elif not numbers.targets:
            self._warn_of_no_target(result.step)
        elif is_spike(loss, highest):
            self._handle_spike(result.step, loss)
        self.progress = replace(
            self.progress,
            step=result.step,
            tokens=self.progress.tokens + numbers.tokens,
            skipped=self.progress.skipped + skipped,
            dropped=self.progress.dropped + numbers.dropped,
            validation_loss=None,
            history=updated_history(loss, history, highest),
        )
        return Record(
            step=result.step,
            tokens=self.progress.tokens,
            loss=loss,
            lr=result.lr,
            gradient_norm=norm,
            tokens_per_second=numbers.tokens / seconds,
            data_wait_seconds=numbers.waited,
            update_ratio=numbers.update_ratio,
        )

    def _handle_spike(self, step: int, loss: float) -> None:
        z = z_score(loss, self.progress.history)
        message = f"step {step}: the loss rose to {loss:.4f}, {z:.0f} deviations above the last"
        spike = self._recipe.spike
        if spike.action == "warn":
            self._hooks.warn(message)
            return
        if self.progress.rollbacks >= spike.rollbacks:
            raise LmkitError(
                f"{message}; the run has been rolled back {self.progress.rollbacks} times already",
                "lower --optim.lr, or check the data; --spike.rollbacks allows more",
            )
        self._hooks.warn(f"{message}; going back to the last checkpoint")
        reached = self.queued[-1].step if self.queued else step
        raise SpikeError(step, reached)

    def _warn_of_no_target(self, step: int) -> None:
        """Say once that the mean loss over no target is undefined, which is no spike."""
        if not self._has_warned_of_no_target:
            self._hooks.warn(
                f"step {step}: no token of this batch is a target, so it has no loss (said once; a "
                "larger --batch-tokens makes it rarer)"
            )
        self._has_warned_of_no_target = True

    def _handle_skip(self, step: int, norm: float) -> None:
        if self._skipped_in_a_row >= self._max_skipped:
            raise LmkitError(
                f"step {step}: the gradient was infinite or NaN for {self._max_skipped} steps in a "
                "row; training has diverged",
                "lower --optim.lr, lengthen --schedule.warmup-steps, or use --precision fp32; the "
                "last checkpoint is intact",
            )
        self._hooks.warn(f"step {step}: the gradient norm is {norm}; the step was skipped")
