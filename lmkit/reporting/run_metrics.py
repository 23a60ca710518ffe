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
import orjson
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
    damaged = 0
    steps: list[float] = []
    alike: dict[tuple[str, ...], tuple[list[int], list[list[Any]]]] = {}
    """Lines with the same names: their numbers, and their values."""
    for record in _records(run / METRICS):
        if record is None:
            damaged += 1
            continue
        at, rows = alike.setdefault(tuple(record), ([], []))
        at.append(len(steps))
        rows.append(list(record.values()))
        steps.append(float(record["step"]))
    known = np.array(steps)
    curves = _curves(alike, known)
    tokens = _at(known, curves.pop("tokens", None))
    rate = _at(known, curves.get("tokens_per_second"))
    spent = np.diff(tokens, prepend=0) / np.where(rate > 0, rate, np.nan)
    return RunMetrics(curves, known, tokens, np.nancumsum(spent) / 3600, damaged)


def _curves(
    alike: Mapping[tuple[str, ...], tuple[list[int], list[list[Any]]]], steps: Numbers
) -> dict[str, Curve]:
    """Return the curves of lines, in the order of the lines.

    Choice: lines with the same names become an array at once, which is ten times as fast as number
    by number; None becomes NaN. Where one of them holds a table, or no number, it is done slowly.
    """
    parts: dict[str, list[tuple[Numbers, Numbers]]] = {}
    for names, (at, rows) in alike.items():
        try:
            columns = np.array(rows, np.float64).T
        except (TypeError, ValueError, OverflowError):
            for line, values in zip(at, rows, strict=True):
                for name, value in _numbers(dict(zip(names, values, strict=True))):
                    found = np.array([float(line)]), np.array([value])
                    parts.setdefault(name, []).append(found)
            continue
        for name, column in zip(names, columns, strict=True):
            parts.setdefault(name, []).append((np.array(at, np.float64), column))
    curves: dict[str, Curve] = {}
    for name, found in parts.items():
        lines = np.concatenate([each for each, _ in found]).astype(np.int64)
        order = np.argsort(lines, kind="stable")
        values = np.concatenate([each for _, each in found])
        if name != "step":
            curves[name] = Curve(steps[lines[order]], values[order])
    return curves


def _records(path: Path) -> Iterator[Mapping[str, Any] | None]:
    """Yield the lines; None for a damaged one."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                found = _parsed(line)
                float(found["step"])
                yield found
            except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
                if line.endswith(b"\n"):
                    yield None


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        return orjson.loads(line)  # a float's digits are all that counts here
    except ValueError:
        return from_json(line)


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
