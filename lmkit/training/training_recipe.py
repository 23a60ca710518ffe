"""What determines the numbers of a run, and what it does after which step."""

from dataclasses import dataclass

from lmkit.training.options import OptimConfig, ScheduleConfig, SpikeConfig

DEFAULT_SPIKES = SpikeConfig()


@dataclass(frozen=True)
class Recipe:
    """What determines the numbers of a run, apart from its model, its data and its objective."""

    seed: int
    steps: int
    global_batch_size: int
    """Sequences of a step, over all ranks and micro-batches."""
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
