"""Loss spikes: detected by a robust z-score, reported, and optionally rolled back.

Choices:
- The z-score by median and median absolute deviation (Iglewicz and Hoaglin 1993): a mean and a
  standard deviation are changed by the very spike that they are to detect, and remain changed.
- Losses decrease, and a decrease is no spike: only increases count. A deviation of nearly 0 would
  make any step a spike, so it is at least 1% of the median.
- A spike enters the history reduced to the largest value that isn't one, so that the detection
  adapts to a lasting change; a value that isn't finite doesn't enter it. The history is part of the
  checkpoint: after resuming, detection continues as if the run had never stopped.
- A rollback resumes from the last checkpoint with the batches after it skipped (as PaLM did by
  hand; Chowdhery et al. 2022, arXiv 2204.02311, section 5.1). It changes the numbers of a run, so
  it is off by default.
"""

import math
from collections.abc import Sequence
from statistics import median

from lmkit.training.options import SpikeConfig

MIN_HISTORY = 32
"""Losses that must be known before one can be a spike."""
HISTORY_LENGTH = 128
MAD_OF_NORMAL = 0.6745
"""Median absolute deviation of a normal distribution, relative to its standard deviation."""
MIN_SPREAD = 0.01


def z_score(loss: float, history: Sequence[float]) -> float:
    """Return how far a loss is above others, in robust standard deviations.

    >>> round(z_score(4.0, [1.0, 2.0, 3.0]), 4)
    1.349
    """
    center, deviation = _median_and_deviation(history)
    return (loss - center) / deviation


def highest_expected(history: Sequence[float], config: SpikeConfig) -> float:
    """Return the loss above which the next is a spike; infinity where none can be."""
    if config.z is None or len(history) < MIN_HISTORY:
        return math.inf
    center, deviation = _median_and_deviation(history)
    return center + config.z * deviation


def is_spike(loss: float, highest: float) -> bool:
    """Return whether a loss is a spike; one that isn't finite is, where any can be."""
    return highest < math.inf and not (math.isfinite(loss) and loss <= highest)


def updated_history(loss: float, history: Sequence[float], highest: float) -> tuple[float, ...]:
    """Return the history with a loss appended."""
    return (*history, min(loss, highest))[-HISTORY_LENGTH:] if math.isfinite(loss) else (*history,)


def _median_and_deviation(history: Sequence[float]) -> tuple[float, float]:
    """Return the median, and a robust estimate of the standard deviation."""
    center = median(history)
    spread = median(abs(other - center) for other in history)
    return center, max(spread, MIN_SPREAD * abs(center), 1e-12) / MAD_OF_NORMAL
