import io
import math
import sys

import pytest

from lmkit.execution.progress import log_message
from lmkit.training.console import Monitor, resident_bytes
from lmkit.training.metrics import Record


def record(step: int, loss: float = 3.2101, validation_loss: float | None = None) -> Record:
    return Record(step, step * 100, loss, 1e-3, 0.5, 12_345.4, validation_loss)


class Clock:
    """A clock that advances two seconds per reading."""

    def __init__(self) -> None:
        self.now = -2.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_prints_a_plain_line_every_log_every_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The clock is first read at the start, then after 100 of 2,000 steps.
    with Monitor(2000, log_every=100, memory=lambda: 1_234_000_000, clock=Clock()) as monitor:
        for step in range(1, 102):
            monitor.step(record(step))
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
    with Monitor(100, start=90, log_every=1, clock=Clock()) as monitor:
        monitor.step(record(91))
    assert capsys.readouterr().err.rstrip().endswith("0:18 left")


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


def test_the_memory_of_this_process_is_more_than_a_megabyte() -> None:
    block = bytes(50_000_000)
    assert resident_bytes() > 1_000_000
    assert len(block) == 50_000_000
