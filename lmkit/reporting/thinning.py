"""Fewer points of a curve, with its peaks.

Choice: the curve is divided into segments of the same number of points, and of each the lowest and
the highest are kept, in order. So a spike of one step of a million is still there, which is lost
where every n-th point is taken, or a mean. The first and the last point are kept too.
"""

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 2_000


def thinned(values: NDArray[np.float64], most: int = MAX_POINTS) -> NDArray[np.int64]:
    """Return the indices of the points to keep, ascending; at most `most` (4 or more).

    Values that aren't finite are kept only where a segment holds nothing else: they are gaps.

    >>> thinned(np.array([5, 1, 2, 9, 4, 3, 3, 8.0]), 6).tolist()
    [0, 1, 3, 5, 7]
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    segments = (most - 2) // 2
    edges = np.linspace(0, count, segments + 1).astype(np.int64)
    finite = np.isfinite(values)
    low, high = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    starts, stops = edges[:-1, None], edges[1:, None]
    index = starts + np.arange((stops - starts).max())  # a row for each segment
    inside, index = index < stops, np.minimum(index, count - 1)
    lowest = np.where(inside, low[index], np.inf).argmin(axis=1)
    highest = np.where(inside, high[index], -np.inf).argmax(axis=1)
    return np.unique([0, count - 1, *(edges[:-1] + lowest), *(edges[:-1] + highest)])
