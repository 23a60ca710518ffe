"""The numbers of a run by step, as its metrics.jsonl has them.

Choices:
- Whatever is a number becomes a curve, also under a name that this version doesn't know: a nested
  one is named with slashes, as `validation/books`.
- The file of an active run may end in half a line, and a damaged line is counted and skipped: a
  page about a run is read because something may be wrong with it.
- Hours are those of training: tokens by their rate, summed up. Validation and saving aren't in
  them, and neither is the time between two starts of a run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lmkit.storage.json_bytes import from_json
from lmkit.training.metrics import METRICS

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A number by step; NaN where it was not finite."""

    steps: Numbers
    values: Numbers

    @property
    def last(self) -> float:
        """The last value."""
        return float(self.values[-1])


@dataclass(frozen=True)
class RunMetrics:
    """The curves of a run by name, and the tokens and hours of its steps."""

    curves: Mapping[str, Curve]
    steps: Numbers
    tokens: Numbers
    hours: Numbers
    damaged: int = 0
    """Lines that could not be read; the last one doesn't count."""


def read_metrics(run: Path) -> RunMetrics:
    """Read the metrics of a run; of one without any, nothing."""
    columns: dict[str, tuple[list[float], list[float]]] = {}
    steps: list[float] = []
    damaged = 0
    for record in _records(run / METRICS):
        if record is None:
            damaged += 1
            continue
        step = float(record["step"])
        steps.append(step)
        for name, value in _numbers(record):
            if name != "step":
                at, values = columns.setdefault(name, ([], []))
                at.append(step)
                values.append(value)
    curves = {name: Curve(np.array(at), np.array(found)) for name, (at, found) in columns.items()}
    known = np.array(steps)
    tokens = _at(known, curves.pop("tokens", None))
    rate = _at(known, curves.get("tokens_per_second"))
    spent = np.diff(tokens, prepend=0) / np.where(rate > 0, rate, np.nan)
    return RunMetrics(curves, known, tokens, np.nancumsum(spent) / 3600, damaged)


def _records(path: Path) -> Iterator[Mapping[str, Any] | None]:
    """Yield the lines; None for a damaged one."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                found = from_json(line)
                float(found["step"])
                yield found
            except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
                if line.endswith(b"\n"):
                    yield None


def _numbers(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _numbers(cast(dict[str, Any], value), f"{prefix}{name}/")
        elif value is None:
            yield prefix + name, np.nan
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                yield prefix + name, float(value)
            except OverflowError:
                yield prefix + name, np.nan


def _at(steps: Numbers, curve: Curve | None) -> Numbers:
    """Return the values of a curve at steps; zero where there is none."""
    if curve is None or not len(steps):
        return np.zeros(len(steps))
    if len(curve.steps) == len(steps):
        return np.nan_to_num(curve.values)
    return np.interp(steps, curve.steps, np.nan_to_num(curve.values))
