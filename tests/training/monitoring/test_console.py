import io
import math
import re
import sys
from typing import Any

import pytest

from lmkit.execution.progress import log_message
from lmkit.training.metrics import Record
from lmkit.training.monitoring.console import Monitor


def record(step: int, loss: float = 3.2101, **more: Any) -> Record:
    return Record(step, step * 100, loss, 1e-3, 0.5, 12_345.4, **more)


class Clock:
    """A clock that advances by so many seconds per reading."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.now = seconds, -seconds

    def __call__(self) -> float:
        self.now += self._seconds
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_prints_a_plain_line_every_log_every_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The clock is first read at the start, then after 100 of 2,000 steps.
    with Monitor(2000, log_every=100, clock=Clock(2 / 100)) as monitor:
        for step in range(1, 102):
            monitor.step(record(step, memory_bytes=1_234_000_000))
    out, err = capsys.readouterr()
    line = "step 100/2000  loss 3.2101  lr 1.00e-03  12,345 tok/s  1.2 GB  0:38 left\n"
    assert (out, err) == ("", line)


def test_the_last_step_and_every_validation_get_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Monitor(5, log_every=100) as monitor:
        for step in range(1, 6):
            monitor.step(record(step, validation_loss=2.5 if step == 3 else None))
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("step 3/5  loss 3.2101  validation 2.5000  lr")
    assert second.startswith("step 5/5") and second.endswith("0:00 left")


def test_a_resumed_run_counts_only_new_steps_for_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Monitor(100, start=90, log_every=1, clock=Clock(1)) as monitor:
        monitor.step(record(91))
    assert capsys.readouterr().err.rstrip().endswith("0:09 left")


def test_a_first_step_that_compiles_is_not_counted_for_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    readings = iter([0, 60, 61, 62])  # the start, and the ends of three steps
    with Monitor(13, log_every=1, clock=lambda: next(readings)) as monitor:
        for step in (1, 2, 3):
            monitor.step(record(step))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["12:00 left", "0:11 left", "0:10 left"]


def test_on_a_terminal_there_is_one_panel_with_warnings_above_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Monitor(2000) as monitor:
        monitor.step(record(1, validation_loss=2.75))
        monitor.warn("step 1 was skipped")
        log_message("said by someone else")
        monitor.step(record(1234, loss=1.5))
    shown = terminal.getvalue()
    assert sys.stderr is terminal
    for words in ("1,234", "1.5000", "2.7500", "12,345", "Warning: step 1 was skipped"):
        assert words in shown
    last = shown.rindex("step 1,234")
    assert shown.index("said by someone else") < last
    assert "Warning" not in shown[last:]


def test_the_smoothed_loss_starts_at_the_first_and_ignores_a_nan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Monitor(10) as monitor:
        monitor.step(record(1, loss=4.0))
        monitor.step(record(2, loss=math.nan))
    assert "4.0000 (last -)" in terminal.getvalue()


def test_a_line_names_the_utilization_where_it_is_known_and_a_wait_where_it_is_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Monitor(3, log_every=1, clock=Clock(0)) as monitor:
        monitor.step(record(1, mfu=0.4, data_wait_seconds=0.0))
        monitor.step(record(2, data_wait_seconds=0.0))
        monitor.step(record(3, data_wait_seconds=0.9 * 100 / 12_345.4))
    first, second, third = capsys.readouterr().err.splitlines()
    assert "12,345 tok/s  MFU 40.0%  0:00 left" in first
    assert "waiting" not in second and "MFU" not in second
    assert "46% waiting for data" in third  # the mean of two steps, the later weighs more


def test_the_curve_of_a_resumed_run_begins_with_its_first_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Monitor(200, start=100) as monitor:
        assert monitor.is_panel
        monitor.add_earlier(record(step, loss=500 / step) for step in range(1, 101))
        monitor.step(record(101, loss=4.9))
    last = terminal.getvalue().split("step 101 of 200")[-1]
    assert " 1 " in last and "step 101" in last


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_a_terminal_gets_no_line_that_is_too_long(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "30")
    with Monitor(200) as monitor:
        for step in range(1, 101):
            monitor.step(record(step, loss=500 / step))
    lines = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|\r", "", terminal.getvalue()).split("\n")
    assert max(map(len, lines)) == min(columns, 100)
