"""The speed of models that weren't measured, from those that were.

Choice: FLOPs per second change slowly with the size, since larger matrices use a processor better.
Between two measured sizes they are interpolated, both in logarithms; outside of them they are those
of the nearest.
"""

import math
from collections.abc import Mapping

import numpy as np


def flops_per_second(measured: Mapping[float, float], parameters: float) -> float:
    """Return the FLOPs per second of a size.

    Args:
        measured: FLOPs per second by parameters; at least one size.
        parameters: of the model.

    >>> round(flops_per_second({1e6: 1e9, 100e6: 4e9}, 10e6) / 1e9, 9)
    2.0

    """
    sizes = sorted(measured)
    speeds = [math.log(measured[size]) for size in sizes]
    return math.exp(float(np.interp(math.log(parameters), np.log(sizes), speeds)))
