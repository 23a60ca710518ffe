"""The panel of a training run on a terminal: its numbers, and the curve of its loss.

Choices:
- The panel shows the last loss and a smoothed one: a single batch is noisy.
- It fits the terminal: two columns of numbers where there is room, and the curve as high as what is
  left. A terminal that is too low has no curve.
- A number that isn't measured has no row.
"""

import math

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Column, Table

from lmkit.execution.amounts import clock
from lmkit.training.metrics import Record
from lmkit.training.monitoring.loss_curve import LossCurve

SMOOTHING = 0.95
"""Decay of smoothed numbers: they average about the last twenty steps."""
MAX_WIDTH = 100
TWO_COLUMNS = 76
"""Width from which on numbers stand in two columns."""
CURVE_ROWS = 12
"""Most rows of the curve, and fewest."""
MIN_CURVE_ROWS = 4


class RunPanel:
    """The numbers of a run that ends at step `steps`."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._record: Record | None = None
        self._seconds_left = math.nan
        self._loss, self._speed = _Smoothed(), _Smoothed()
        self._wait, self._seconds = _Smoothed(), _Smoothed()
        self._known: dict[str, str] = {}
        """What isn't measured in every step, as it was last."""
        self._curve = LossCurve()

    @property
    def waited(self) -> float | None:
        """The fraction of the last steps that passed in waiting for sequences."""
        wait, seconds = self._wait.mean, self._seconds.mean
        return wait / seconds if seconds > 0 and wait >= 0 else None

    def add_to_curve(self, record: Record) -> None:
        """Add the loss of a step."""
        self._curve.add(record.step, record.loss, record.validation_loss)

    def step(self, record: Record, seconds_left: float) -> None:
        """Take the numbers of a finished step."""
        self.add_to_curve(record)
        self._loss.add(record.loss)
        self._speed.add(record.tokens_per_second)
        if self._record and record.data_wait_seconds is not None and record.tokens_per_second > 0:
            self._wait.add(record.data_wait_seconds)
            self._seconds.add((record.tokens - self._record.tokens) / record.tokens_per_second)
        self._record, self._seconds_left = record, seconds_left
        if record.validation_loss is not None:
            self._known["validation loss"] = f"{record.validation_loss:.4f}"
        if record.memory_bytes is not None:
            self._known["memory"] = f"{record.memory_bytes / 1e9:.1f} GB"
        if record.gpu_utilization is not None:
            self._known["GPU"] = f"{record.gpu_utilization:.0%} busy"
        if record.update_ratio:
            ratios = record.update_ratio.values()
            self._known["update/weights"] = f"{min(ratios):.1e} to {max(ratios):.1e}"

    def drawn(self, width: int, height: int) -> RenderableType:
        """Return the panel for a terminal of so many columns and rows."""
        if self._record is None:
            return "waiting for the first step"
        width = min(width, MAX_WIDTH)
        numbers, rows = self._numbers(2 if width >= TWO_COLUMNS else 1)
        bar = Table.grid()  # a progress bar has no line end, a cell has
        bar.add_row(ProgressBar(total=self._steps, completed=self._record.step))
        parts: list[RenderableType] = [bar, numbers]
        room = min(height - rows - 4, CURVE_ROWS)  # two borders, the bar, and the cursor's row
        if room >= MIN_CURVE_ROWS and (curve := self._curve.drawn(width - 4, room)):
            parts.append(curve)
        title = f"step {self._record.step:,} of {self._steps:,}"
        return Panel(Group(*parts), title=title, title_align="left", width=width)

    def _numbers(self, columns: int) -> tuple[Table, int]:
        """Return the table of numbers, and its rows."""
        cells = list(self._cells().items())
        rows = -(-len(cells) // columns)
        table = Table.grid(*(Column(no_wrap=True) for _ in range(2 * columns)), padding=(0, 2))
        for row in range(rows):
            table.add_row(*(text for pair in cells[row::rows] for text in pair))
        return table, rows

    def _cells(self) -> dict[str, str]:
        record, known = self._record, self._known
        assert record
        tokens = record.tokens / record.step * self._steps
        cells: dict[str, str | None] = {
            "loss": f"{number(self._loss.mean)} (last {number(record.loss)})",
            "validation loss": known.get("validation loss", "-"),
            "learning rate": f"{record.lr:.2e}",
            "gradient norm": f"{record.gradient_norm:.3f}",
            "update/weights": known.get("update/weights"),
            "memory": known.get("memory"),
            "GPU": known.get("GPU"),
            "tokens": f"{short(record.tokens)} of {short(tokens)}",
            "tokens/s": f"{self._speed.mean:,.0f}",
            "speed": self._flops(record),
            "data wait": None if self.waited is None else f"{self.waited:.1%}",
            "time left": clock(self._seconds_left),
        }
        return {name: value for name, value in cells.items() if value is not None}

    def _flops(self, record: Record) -> str | None:
        if record.flops_per_second is None:
            return None
        rate = record.flops_per_second / record.tokens_per_second * self._speed.mean
        utilization = "" if record.mfu is None else f" (MFU {record.mfu:.1%})"
        unit, name = (1e12, "TFLOP/s") if rate >= 1e12 else (1e9, "GFLOP/s")
        return f"{rate / unit:,.1f} {name}{utilization}"


def number(loss: float) -> str:
    """Format a loss; a batch without targets has none."""
    return "-" if math.isnan(loss) else f"{loss:.4f}"


class _Smoothed:
    """An exponential moving average with bias correction (as the moments of Adam)."""

    def __init__(self) -> None:
        self._sum, self._weight = 0.0, 0.0

    def add(self, value: float) -> None:
        if math.isfinite(value):  # one NaN would remain in the average
            self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * value
            self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)

    @property
    def mean(self) -> float:
        return self._sum / self._weight if self._weight else math.nan


def short(count: float) -> str:
    """Format a large count.

    >>> short(999), short(12_345), short(1.5e9), short(999_999)
    ('999', '12.3k', '1.50B', '1.00M')
    """
    for unit, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= unit * 0.9995:
            digits = max(0, 2 - int(math.log10(count / unit * 1.0005)))
            return f"{count / unit:.{digits}f}{name}"
    return f"{count:.0f}"
