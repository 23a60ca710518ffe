"""Two runs: where they end, their best, and how soon each reaches what the worse one reached.

Choice: the losses on held-out text decide, where both have them, else those of training, of which a
running mean over a fiftieth of the steps is taken: a single batch says little.
"""

from collections.abc import Callable

import numpy as np

from lmkit.commands.inspect.comparison.folder_pair import Pair
from lmkit.commands.inspect.folder_kind import Sections
from lmkit.reporting.run_metrics import Curve, Numbers, RunMetrics, read_metrics

VALIDATION = "validation_loss"
SMOOTHED_PARTS = 50


def run_differences(pair: Pair) -> Sections:
    """Return the ends of two runs, and tokens and hours to the worse one's final loss."""
    first, second = (read_metrics(folder.path) for folder in pair.folders)
    if not (len(first.steps) and len(second.steps)):
        return {"runs": []}
    both = (first, second)
    rows = [
        pair.row({"at the end": name}, *map(of_run, both)) for name, of_run in _MEASURES.items()
    ]
    name = VALIDATION if all(VALIDATION in each.curves for each in both) else "loss"
    curves = [_curve(each, name) for each in both]
    if any(curve is None for curve in curves):
        return {"runs": rows}
    losses = [curve for curve in curves if curve is not None]
    goal = max(curve.last for curve in losses)
    reached = [_first_below(curve, goal) for curve in losses]
    facts = {"to reach": f"{name.replace('_', ' ')} {goal:.4f}, the worse one's last"}
    steps = pair.row({**facts, "in": "steps"}, *reached)
    tokens, hours = (
        [_at(run, values, step) for run, values, step in zip(both, of_runs, reached, strict=True)]
        for of_runs in ([each.tokens for each in both], [each.hours for each in both])
    )
    more = [
        pair.row({**facts, "in": "tokens"}, *(None if t is None else round(t) for t in tokens)),
        pair.row({**facts, "in": "seconds"}, *(None if h is None else h * 3600 for h in hours)),
    ]
    return {"runs": rows, "reached": [steps, *more]}


def _last(name: str) -> Callable[[RunMetrics], float | None]:
    return lambda run: run.curves[name].last if name in run.curves else None


def _best(run: RunMetrics) -> float | None:
    curve = run.curves.get(VALIDATION)
    finite = curve.values[np.isfinite(curve.values)] if curve else np.empty(0)
    return float(finite.min()) if len(finite) else None


_MEASURES: dict[str, Callable[[RunMetrics], float | None]] = {
    "step": lambda run: round(float(run.steps[-1])),
    "tokens": lambda run: round(float(run.tokens[-1])),
    "seconds": lambda run: float(run.hours[-1]) * 3600,
    "loss": _last("loss"),
    "validation loss": _last(VALIDATION),
    "best validation loss": _best,
}


def _curve(run: RunMetrics, name: str) -> Curve | None:
    """Return the finite values of a curve, those of training smoothed."""
    curve = run.curves.get(name)
    if curve is None:
        return None
    known = np.isfinite(curve.values)
    steps, values = curve.steps[known], curve.values[known]
    if not len(values):
        return None
    if name != VALIDATION:
        width = max(1, len(values) // SMOOTHED_PARTS)
        steps = steps[width - 1 :]
        values = np.convolve(values, np.full(width, 1 / width), "valid")
    return Curve(steps, values)


def _first_below(curve: Curve, goal: float) -> int | None:
    below = np.flatnonzero(curve.values <= goal)
    return round(float(curve.steps[below[0]])) if len(below) else None


def _at(run: RunMetrics, values: Numbers, step: int | None) -> float | None:
    return None if step is None else float(np.interp(step, run.steps, values))
