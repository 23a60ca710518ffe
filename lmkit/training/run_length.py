"""The length of a run: in steps, tokens, epochs, or hours.

Choices:
- All of them are converted to a number of steps, since the learning rate is a function of the step.
  Hours are converted once, when the run starts, by a trial of its speed; the number is stored with
  the run, so that it resumes as the same run.
"""

import math
from typing import Protocol

from lmkit.errors import ConfigError
from lmkit.training.data.batch_sizes import BatchSizes


class RunLengthOptions(Protocol):
    """The options that set the length of a run."""

    steps: int
    tokens: int | None
    epochs: float | None
    hours: float | None


def requested_steps(
    config: RunLengthOptions,
    *,
    as_typed: bool,
    batch_sizes: BatchSizes,
    sequence_length: int,
    rows: int,
) -> int:
    """Return the requested steps; a ConfigError names two options that disagree.

    `as_typed` is whether --steps was given, and isn't the default. Hours are left to a trial.
    """
    given = {
        name: value
        for name in ("tokens", "epochs", "hours")
        if (value := getattr(config, name)) is not None
    }
    if len(given) > 1:
        named = " and ".join(f"--{name} {value}" for name, value in given.items())
        raise ConfigError(f"{named}: both set the length of the run", "give one of them")
    steps = steps_of(
        config.steps,
        config.tokens,
        config.epochs,
        batch_sizes=batch_sizes,
        sequence_length=sequence_length,
        rows=rows,
    )
    if given and "hours" not in given and as_typed and config.steps != steps:
        (name, value), *_ = given.items()
        raise ConfigError(
            f"--steps: got {config.steps}, but --{name} {value} comes to {steps}",
            "leave one of them out",
        )
    return steps


def steps_of(
    steps: int,
    tokens: int | None,
    epochs: float | None,
    *,
    batch_sizes: BatchSizes,
    sequence_length: int,
    rows: int,
) -> int:
    """Return the steps of a run, rounded up.

    >>> from lmkit.training.data.batch_sizes import BatchSize
    >>> sizes = BatchSizes(BatchSize.constant(4))
    >>> steps_of(7, 1_000, None, batch_sizes=sizes, sequence_length=100, rows=10)
    3
    >>> steps_of(7, None, 2, batch_sizes=sizes, sequence_length=100, rows=10)
    5
    """
    if tokens is not None:
        return batch_sizes.needed_for(math.ceil(tokens / sequence_length))
    if epochs is not None:
        return batch_sizes.needed_for(math.ceil(epochs * rows))
    return steps
