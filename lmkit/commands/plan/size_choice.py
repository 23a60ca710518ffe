"""Which size a budget is best spent on, and how long each would take.

Choices:
- With some hours or FLOPs, the size with the lowest expected loss. With some tokens, the size of
  which they are the optimal data by the published ratio: a larger one would always be better, and
  cost more.
- The published ratio of tokens to parameters decides roughly, and pilot runs among the sizes around
  it: three runs can't show more.
- The time of a run has its steps, at the measured speed; validation, which is a forward pass, a
  third of the cost; checkpoints; and what happens once: loading, compiling.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lmkit.commands.plan.planned_runs import PAUSES, PlannedRuns
from lmkit.errors import ConfigError
from lmkit.execution.amounts import duration
from lmkit.training.planning.forecast import MARGIN, Forecast
from lmkit.training.planning.law_calibration import CalibratedLaw
from lmkit.training.planning.model_sizes import ModelSize, model_sizes
from lmkit.training.planning.scaling_law import PUBLISHED
from lmkit.training.planning.speed_curve import flops_per_second

Size = ModelSize | None
"""None where options of the model set its size."""
PASSES = 3
"""Of a training step, in forward passes."""
BYTES_SAVED_PER_SECOND = 5e8
BYTES_SAVED = 12
"""Of a parameter in a checkpoint: the weight and two moments."""
PAUSE_FRACTION = 0.05
"""Most of a run that validations and checkpoints may take, but for the last."""
START_SECONDS = 5.0
"""To load data and build the model, where no pilot run measured it."""
COMPILE_SECONDS = {"cpu": 20.0}
"""Where blocks are compiled; elsewhere a minute (see `compilation`)."""
MOST_POSITIONS = 1e18
"""As many as --tokens may be."""
SMALLER = 6
"""Parameters of the larger model over those of the smaller one in pilot runs, about."""
AROUND = 2
"""Sizes on each side of the optimum that are shown, or that pilot runs may choose."""


@dataclass
class Sizes:
    """The sizes to choose from, and their speeds as far as they are measured."""

    runs: PlannedRuns
    every: Sequence[Size]
    measured: dict[Size, Forecast] = field(default_factory=dict[Size, Forecast])
    start_seconds: float = START_SECONDS
    sustained: float = 1.0
    """Speed of a run, as a fraction of that of a trial."""

    def measure(self, size: Size) -> Forecast:
        """Return the forecast of a size, from a trial at its first use."""
        if size not in self.measured:
            positions = self.positions(size) if self.measured else self._first_guess()
            hours = self.runs.config.hours
            # Whether a run is compiled depends on how long it is.
            more = {} if hours is None else {"hours": hours}
            self.measured[size] = self.runs.forecast(size, positions, **more)
            if self.measured[size].tokens_per_second is None:
                raise ConfigError(
                    f"a model with {self.runs.parameters(size):,} parameters doesn't fit into "
                    "memory here, so its speed can't be measured",
                    "plan on the machine that will train it, or a smaller model",
                )
        return self.measured[size]

    def _first_guess(self) -> float:
        config = self.runs.config
        return min(MOST_POSITIONS, float(config.tokens or (config.flops or 1e15) / 1e8))

    def speed(self, size: Size) -> float:
        """Return the positions per second of a run of a size, on all processes."""
        points: dict[float, float] = {}
        for each, forecast in self.measured.items():
            speed = (forecast.tokens_per_second or 1.0) * self.runs.flops_per_position(each)
            points[float(self.runs.parameters(each))] = speed
        flops = flops_per_second(points, self.runs.parameters(size))
        own = self.sustained * flops / self.runs.flops_per_position(size)
        return own * self.runs.config.processes

    def seconds(self, size: Size, positions: float) -> float:
        """Return the time of a run."""
        training = positions / self.speed(size)
        pauses = self.pauses(size, training) * self._seconds_of_pause(size)
        return training + pauses + self._seconds_once

    def pauses(self, size: Size, seconds: float) -> int:
        """Return how many times a run of so many seconds validates and saves."""
        affordable = PAUSE_FRACTION * seconds / self._seconds_of_pause(size)
        return int(max(1, min(PAUSES, affordable)))

    def _seconds_of_pause(self, size: Size) -> float:
        saving = BYTES_SAVED * self.runs.parameters(size) / BYTES_SAVED_PER_SECOND
        return self.validation_seconds(self.speed(size)) + saving

    @property
    def _seconds_once(self) -> float:
        some = next(iter(self.measured.values()))
        compiling = COMPILE_SECONDS.get(some.device, 60.0) if some.compiled else 0.0
        return self.start_seconds + compiling

    def validation_seconds(self, speed: float) -> float:
        """Return the time of a validation, from the positions per second of training."""
        data = self.runs.data
        return data.held_out_sequences * data.sequence_length / (PASSES * speed)

    def positions(self, size: Size) -> float:
        """Return the positions that the budget is enough for: as many as whole steps have."""
        return min(MOST_POSITIONS, self._affordable(size))

    def _affordable(self, size: Size) -> float:
        config = self.runs.config
        if config.tokens is not None:
            return float(config.tokens)
        if config.flops is not None:
            return config.flops / self.runs.flops_per_position(size)
        assert config.hours is not None
        speed = self.speed(size)
        left = self._seconds_left(size)
        if left <= 0:
            raise ConfigError(
                f"--hours: got {config.hours:g}, but loading, validation and checkpoints "
                f"alone take about {duration(3600 * config.hours - left)}",
                "give more hours, or pack with a smaller --validation",
            )
        return left * speed

    def _seconds_left(self, size: Size) -> float:
        """Return the time for steps in the given hours, if hours are given."""
        hours = self.runs.config.hours
        if hours is None:
            return math.inf
        seconds = 3600 * hours - self._seconds_once
        return seconds - self.pauses(size, seconds) * self._seconds_of_pause(size)

    def fits(self, size: Size) -> bool:
        """Whether a size fits into the memory, as far as it is known, and into the time."""
        if self._seconds_left(size) <= 0:
            return False
        some = next(iter(self.measured.values()))
        return some.memory_there is None or (
            self.runs.memory(size, some) <= MARGIN * some.memory_there
        )

    def published_best(self) -> Size:
        """Return the best size by the published constants."""
        data = self.runs.data

        def distance(size: Size) -> float:
            tokens = data.effective(self.positions(size))
            return abs(math.log(self.runs.parameters(size) / PUBLISHED.parameters_for(tokens)))

        def loss(size: Size) -> float:
            tokens = data.effective(self.positions(size))
            return PUBLISHED.loss(self.runs.parameters(size), tokens)

        return self._lowest(self.every, loss if self.runs.config.tokens is None else distance)

    def best(self, law: CalibratedLaw) -> Size:
        """Return the size with the lowest expected loss, of those around the published optimum."""
        guess = self.published_best()
        if self.runs.config.tokens is not None:
            return guess

        def loss(size: Size) -> float:
            tokens = self.runs.data.effective(self.positions(size))
            return law.predict(self.runs.parameters(size), tokens).loss

        return self._lowest(self.around(guess), loss)

    def for_pilots(self, chosen: Size) -> tuple[Size, Size]:
        """Return a small and a large size: the largest that may be chosen, so that all are between.

        They are the same where options fit no other size, or where the smallest one is chosen.
        """
        may_be_chosen = [chosen]
        if self.runs.config.tokens is None:
            may_be_chosen += [size for size in self.around(chosen) if self.fits(size)]
        large = max(may_be_chosen, key=self.runs.parameters)
        others = self.every
        if others == [None] and self.runs.has_other_sizes:
            others = [None, *model_sizes()]
        return self.nearest(self.runs.parameters(large) / SMALLER, others), large

    def nearest(self, parameters: float, among: Sequence[Size] = ()) -> Size:
        """Return the size with about so many parameters, of those to choose from or of others."""

        def distance(size: Size) -> float:
            return abs(math.log(self.runs.parameters(size) / parameters))

        return min(among or self.every, key=distance)

    def _lowest(self, sizes: Sequence[Size], value: Callable[[Size], float]) -> Size:
        fitting = [size for size in sizes if self.fits(size)] or sizes[:1]
        return min(fitting, key=value)

    def around(self, size: Size) -> Sequence[Size]:
        """Return the sizes next to one, and that one."""
        number = self.every.index(size)
        return self.every[max(0, number - AROUND) : number + AROUND + 1]
