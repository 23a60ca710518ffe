"""What determines the numbers of a run, and what it does after which step."""

from dataclasses import dataclass
from functools import cached_property

from lmkit.training.data.batch_sizes import BatchSize, BatchSizes
from lmkit.training.options import OptimConfig, ScheduleConfig, SpikeConfig
from lmkit.training.schedule import learning_rate

DEFAULT_SPIKES = SpikeConfig()


@dataclass(frozen=True)
class EarlierSteps:
    """The first steps of a run, whose options were others before it was resumed with --override."""

    last_step: int
    last_batch: int
    """With the batches that were skipped after spikes."""
    peak_lr: float
    schedule: ScheduleConfig
    batch_size: BatchSize


@dataclass(frozen=True)
class Recipe:
    """What determines the numbers of a run, apart from its model, its data and its objective."""

    seed: int
    steps: int
    global_batch_size: int
    """Sequences of a step, over all ranks and micro-batches; after the ramp, if there is one."""
    micro_batch: int
    """Sequences that a rank computes at a time; it changes memory, speed and the dropout masks."""
    optim: OptimConfig
    schedule: ScheduleConfig
    spike: SpikeConfig = DEFAULT_SPIKES
    validate_every: int | None = None
    evaluate_every: int | None = None
    sample_every: int | None = None
    save_every: int | None = None
    measure_every: int | None = None
    """Steps between measurements of how far an update moves the weights."""
    ramp: BatchSize | None = None
    """The sizes of the batches, if they rise to `global_batch_size`."""
    earlier: tuple[EarlierSteps, ...] = ()
    """In order."""

    @cached_property
    def batch_sizes(self) -> BatchSizes:
        """How many sequences each batch has."""
        now = self.ramp or BatchSize.constant(self.global_batch_size)
        return BatchSizes(now, [(each.last_batch, each.batch_size) for each in self.earlier])

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        for each in self.earlier:
            if step <= each.last_step:
                return learning_rate(step, each.peak_lr, self.steps, each.schedule)
        return learning_rate(step, self.optim.peak_lr, self.steps, self.schedule)

    def validates_after(self, step: int) -> bool:
        """Whether to validate after a step; after the last one always."""
        return _is_due(step, self.validate_every) or step == self.steps

    def evaluates_after(self, step: int) -> bool:
        """Whether to score tasks after a step; after the last one always."""
        return _is_due(step, self.evaluate_every) or step == self.steps

    def samples_after(self, step: int) -> bool:
        """Whether to generate texts after a step; after the last one always."""
        return _is_due(step, self.sample_every) or step == self.steps

    def saves_after(self, step: int) -> bool:
        """Whether to save after a step; after the last one always."""
        return _is_due(step, self.save_every) or step == self.steps

    def measures(self, step: int) -> bool:
        """Whether to measure how far the update of a step moves the weights."""
        return _is_due(step, self.measure_every)

    def pauses_after(self, step: int) -> bool:
        """Whether a step is followed by anything but the next step."""
        dues = (self.validates_after, self.evaluates_after, self.samples_after, self.saves_after)
        return any(is_due(step) for is_due in dues)


def _is_due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
