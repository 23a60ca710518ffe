"""metrics.jsonl: one line for every step, and the trackers' copies of it.

    {"step": 1, "tokens": 16384, "loss": 9.01, "lr": 1e-05, "gradient_norm": 2.3, ...}

Choices:
- The lines are the record; whatever TensorBoard and other trackers have is derived from them. A
  run that resumes opens the trackers again, and they get the lines that are kept: no step appears
  twice.
- Numbers are written in full: Python's shortest text that reads back as the same float.
- Scores on tasks are in the line of their step, as in the scores.json of `lmkit eval`: of each task
  and of each group of tasks, the values by the names of the scores.
- A number that an older version doesn't know is no reason to cut the file: readers ignore it, and
  its line keeps its bytes.
- A number that is not finite (a loss that overflowed, the gradient norm of a step that was skipped)
  is null: JSON has no NaN, and strict parsers stop at one.
- Lines are passed to the system one by one and may lose their tail in a power failure. `sync`
  writes them to disk; it is called before a checkpoint is saved, so no checkpoint is ahead of its
  metrics.
"""

import json
import math
import os
from collections.abc import Generator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, cast

from lmkit.storage.json_bytes import from_json
from lmkit.training.step_lines import complete_lines, trim_lines
from lmkit.training.tracking.registry import TrackedRun
from lmkit.training.tracking.trackers import Trackers

METRICS = "metrics.jsonl"

TAGS = {
    "tokens": "train/tokens",
    "loss": "train/loss",
    "lr": "train/lr",
    "gradient_norm": "train/gradient_norm",
    "update_ratio": "train/update_ratio",
    "tokens_per_second": "train/tokens_per_second",
    "data_wait_seconds": "train/data_wait_seconds",
    "flops_per_second": "train/flops_per_second",
    "mfu": "train/mfu",
    "memory_bytes": "system/memory_bytes",
    "gpu_utilization": "system/gpu_utilization",
    "validation": "validation",
    "validation_loss": "validation/loss",
    "tasks": "tasks",
    "groups": "groups",
}
"""What trackers call a field; the parts of a mapping follow after a slash."""


Scores = dict[str, dict[str, float]]
"""The values of scores, by the names of tasks and of scores."""


@dataclass(frozen=True)
class Record:
    """The record of a step."""

    step: int
    tokens: int
    """Tokens read since the start of the run, padding not counted."""
    loss: float
    """Mean over all targets of the global batch, in nats; NaN if it has none."""
    lr: float
    gradient_norm: float
    """Over all weights, before clipping."""
    tokens_per_second: float
    """Of this step only; validation and saving are not counted."""
    validation_loss: float | None = None
    """Where it was measured after this step."""
    validation: dict[str, float] | None = None
    """The same of each packed folder, where there are several."""
    data_wait_seconds: float | None = None
    """For which this process waited for the sequences of this step."""
    flops_per_second: float | None = None
    """Of all devices, as the forecast of the run counts them; padding is no work."""
    mfu: float | None = None
    """Model FLOPs utilization: the fraction of the devices' peak, where that is known."""
    memory_bytes: int | None = None
    """Of this process, or of its GPU; at logged steps."""
    gpu_utilization: float | None = None
    """Fraction of the time in which rank zero's GPU was busy; at logged steps, where NVML is."""
    update_ratio: dict[str, float] | None = None
    """Norm of the change of the weights over their norm, by group of weights; at logged steps."""
    tasks: Scores | None = None
    """Where tasks were scored after this step."""
    groups: Scores | None = None
    """Of groups of tasks, where there are any."""

    def as_json(self) -> str:
        """Return the line without its newline.

        >>> Record(1, 64, math.nan, 0.1, 2.0, 640.0).as_json().partition(', "lr"')[0]
        '{"step": 1, "tokens": 64, "loss": null'
        """
        values = {key: value for key, value in vars(self).items() if value is not None}
        return json.dumps(_without_nan(values), allow_nan=False)


def finite(value: float) -> float | None:
    """Return a number, or None for one that JSON can't represent."""
    return value if math.isfinite(value) else None


def _without_nan(value: Any) -> Any:
    """Replace numbers that JSON can't represent with None."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in cast(dict[str, Any], value).items()}
    return finite(value)


def _with_nan(value: Any) -> Any:
    """Undo `_without_nan`."""
    if isinstance(value, dict):
        return {key: _with_nan(each) for key, each in cast(dict[str, Any], value).items()}
    return math.nan if value is None else value


_FIELDS = frozenset(field.name for field in fields(Record))

OF_THE_MACHINE = (
    *("tokens_per_second", "data_wait_seconds", "flops_per_second", "mfu", "memory_bytes"),
    "gpu_utilization",
)
"""Numbers that differ between two runs with the same options: all others are the same."""


class Metrics:
    """The open metrics of a run that resumes after `step`; 0 for a new one."""

    def __init__(
        self, run: Path, step: int = 0, log_every: int = 1, tracked: TrackedRun | None = None
    ) -> None:
        """Remove the lines after the step; the trackers get the others.

        TensorBoard, which is the only tracker where no other is chosen, gets every `log_every`th.
        """
        trim(run, step)
        self._trackers = Trackers(tracked or TrackedRun(run, log_every))
        for record in read(run):
            self._trackers.log(record.step, tagged(record))
        self._lines = (run / METRICS).open("a", encoding="utf-8")

    def append(self, record: Record) -> None:
        """Add the line of a step."""
        self._lines.write(record.as_json() + "\n")
        self._lines.flush()
        self._trackers.log(record.step, tagged(record))

    def add_text(self, tag: str, text: str, step: int) -> None:
        """Add a text that was generated after a step to the trackers."""
        self._trackers.add_text(tag, text, step)

    def sync(self) -> None:
        """Wait until every line is on disk."""
        os.fsync(self._lines.fileno())
        self._trackers.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._trackers.close()


def tagged(record: Record) -> dict[str, float]:
    """Return the numbers of a record as trackers name them.

    >>> step = Record(1, 64, 2.0, 0.1, 1.0, 640.0, validation_loss=3.0, validation={"web": 3.5})
    >>> [tag for tag in tagged(step) if tag.startswith("validation")]
    ['validation/web', 'validation/loss']
    """
    found: dict[str, float] = {}
    for field, tag in TAGS.items():
        _add_tagged(found, tag, getattr(record, field))
    return found


def _add_tagged(found: dict[str, float], tag: str, value: Any) -> None:
    if isinstance(value, dict):
        for name, part in cast(dict[str, Any], value).items():
            _add_tagged(found, f"{tag}/{name}", part)
    elif value is not None:
        found[tag] = value


def read(run: Path) -> Generator[Record]:
    """Read the steps of a run, up to the first incomplete line; null becomes NaN."""
    for _, record in complete_lines(run / METRICS, _record):
        yield record


def trim(run: Path, step: int) -> None:
    """Remove all lines after a step, and an incomplete one after a crash, atomically."""
    trim_lines(run / METRICS, step, _record)


def _record(line: bytes) -> Record | None:
    try:
        values = from_json(line)
        record = Record(**{key: _with_nan(values[key]) for key in values if key in _FIELDS})
        counts = [type(record.step), type(record.tokens)]
        return record if counts == [int, int] and _are_numbers(vars(record)) else None
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None


def _are_numbers(values: Any) -> bool:
    """Return whether all of what was read are numbers; raise OverflowError for an absurd one."""
    if isinstance(values, dict):
        return all(_are_numbers(value) for value in cast(dict[str, Any], values).values())
    if values is None:
        return True
    is_number = isinstance(values, int | float) and not isinstance(values, bool)
    return is_number and not math.isinf(float(values))
