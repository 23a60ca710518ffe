import io
import sys
import time

import pytest

from lmkit.execution.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_outside_a_terminal_there_are_ten_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("cleaning", 1000) as step:
        for _ in range(1000):
            step()
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (
        10,
        "cleaning: 100/1,000 tasks",
        "cleaning: 1,000/1,000 tasks",
    )


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress("cleaning", 2) as step:
        step()
        step()
    assert "━" in terminal.getvalue() and "2/2" in terminal.getvalue()


def test_a_line_says_how_much_time_is_left_where_that_is_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with progress("answering", 10, "item") as step:
        for _ in range(10):
            now += 2.0
            step()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "answering: 1/10 items, about 18 s left"
    assert lines[7:] == [f"answering: {done}/10 items" for done in (8, 9, 10)]


def test_progress_inside_of_another_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("all", 2, "item") as step, progress("a part", 1) as inner:
        inner()
        step()
        step()
    assert capsys.readouterr().err.splitlines() == ["all: 1/2 items", "all: 2/2 items"]
    with progress("a part", 1) as step:
        step()
    assert capsys.readouterr().err.splitlines() == ["a part: 1/1 task"]


def test_an_estimated_total_is_never_passed(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("scoring text", 100, "kB") as step:
        step(95)
        step(30)
        step()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["scoring text: 95/100 kB", "scoring text: 100/100 kB"]
