"""How long a run is: in steps, tokens, passes over the text, or hours.

Choices:
- All of them come to a number of steps, since the learning rate is a function of the step. Hours do
  so once, when the run begins, by a trial of its speed; the number is kept with the run, so that it
  goes on as the same run.
"""

import math


def steps_of(
    steps: int | None,
    tokens: int | None,
    epochs: float | None,
    *,
    rows_per_batch: int,
    sequence_length: int,
    rows: int,
) -> int | None:
    """Return the steps of a run, rounded up; None where nothing but hours says how long.

    >>> steps_of(None, 1_000, None, rows_per_batch=4, sequence_length=100, rows=10)
    3
    >>> steps_of(None, None, 2, rows_per_batch=4, sequence_length=100, rows=10)
    5
    """
    if tokens is not None:
        return math.ceil(tokens / (rows_per_batch * sequence_length))
    if epochs is not None:
        return math.ceil(epochs * rows / rows_per_batch)
    return steps
