"""The learning rate, as a pure function of the step.

Choices:
- A linear warm-up, then a cosine down to a share of the peak (Loshchilov and Hutter 2017,
  arXiv 1608.03983, without restarts), then constant. It was the schedule of GPT-3 and Llama.
- Steps count from 1, and step 1 already learns: a first step with rate 0 is a wasted batch.
- There is no scheduler object, so there is no state that a checkpoint could get wrong.
"""

import math
from typing import Annotated

from pydantic import Field, model_validator

from lmkit.config import Group


class ScheduleConfig(Group):
    """How the learning rate moves over a run."""

    warmup_steps: Annotated[int, Field(ge=0)] = 100
    """Steps over which the learning rate rises to --optim.lr."""

    decay_steps: Annotated[int, Field(ge=1)] | None = None
    """Step at which the cosine ends; none: at the last of --steps. Give it where a shorter run is
    to follow the same schedule as a longer one."""

    final: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Learning rate at the end, as a share of --optim.lr."""

    @model_validator(mode="after")
    def _decay_follows_warmup(self) -> "ScheduleConfig":
        if self.decay_steps is not None and self.decay_steps <= self.warmup_steps:
            raise ValueError(
                f"--schedule.decay-steps: got {self.decay_steps}, must be more than "
                f"--schedule.warmup-steps, which is {self.warmup_steps}"
            )
        return self


def learning_rate(step: int, peak: float, steps: int, config: ScheduleConfig) -> float:
    """Return the rate of a step of a run of `steps`; the first step is 1.

    A run that is shorter than its warm-up ends on the way up.

    >>> config = ScheduleConfig(warmup_steps=2, final=0.0)
    >>> [round(learning_rate(step, 1.0, 6, config), 3) for step in range(1, 8)]
    [0.5, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    if step <= config.warmup_steps:
        return peak * step / config.warmup_steps
    end = config.decay_steps or steps
    if step >= end:
        return peak * config.final
    share = (step - config.warmup_steps) / (end - config.warmup_steps)
    cosine = (1 + math.cos(math.pi * share)) / 2
    return peak * (config.final + (1 - config.final) * cosine)
