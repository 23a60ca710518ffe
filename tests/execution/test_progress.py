import io
import sys

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
        "cleaning: 100/1000 tasks",
        "cleaning: 1000/1000 tasks",
    )


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress("cleaning", 2) as step:
        step()
        step()
    assert "━" in terminal.getvalue() and "2/2" in terminal.getvalue()
