import io
import sys
import time
from threading import Event

import pytest

from lmkit.execution import progress as module
from lmkit.execution.meter import InputRead, count_bytes, count_document
from lmkit.execution.progress import printable, progress, readable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "POLLED_EVERY", 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_outside_a_terminal_there_are_ten_plain_lines(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress("cleaning", 1000) as step:
        for _ in range(1000):
            clock.now += 0.04
            step()
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (
        10,
        "cleaning: 100/1,000 tasks, about 36 s left",
        "cleaning: 1,000/1,000 tasks",
    )


def test_what_takes_a_second_prints_no_line(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress("matching", 1000) as step:
        for _ in range(1000):
            clock.now += 0.001
            step()
    assert capsys.readouterr().err == ""


def test_a_run_of_days_prints_its_first_line_after_a_minute_and_few_more(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    minutes = 3 * 24 * 60
    printed: list[int] = []
    with progress("cleaning", minutes) as step:
        for minute in range(1, minutes + 1):
            clock.now += 60
            step()
            printed += [minute] * len(capsys.readouterr().err.splitlines())
    assert printed[:4] == [1, 3, 7, 15] and len(printed) < 20


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress("cleaning", 2) as step:
        step()
        step()
    assert "━" in terminal.getvalue() and "2/2" in terminal.getvalue()


def test_a_line_says_how_much_time_is_left_where_that_is_long(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress("answering", 10, "item") as step:
        for _ in range(10):
            clock.now += 2.0
            step()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "answering: 1/10 items, about 18 s left"
    assert lines[7:] == [f"answering: {done}/10 items" for done in (8, 9, 10)]


def test_progress_inside_of_another_is_not_shown(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress("all", 2, "item") as step, progress("a part", 2) as inner:
        clock.now += 3
        inner()
        step()
        clock.now += 3
        step()
    assert capsys.readouterr().err.splitlines() == ["all: 1/2 items", "all: 2/2 items"]
    with progress("a part", 2) as step:
        clock.now += 3
        step(2)
    assert capsys.readouterr().err.splitlines() == ["a part: 2/2 tasks"]


def test_an_estimated_total_is_never_passed(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress("scoring text", 100, "kB") as step:
        clock.now += 3
        step(95)
        step(30)
        step()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["scoring text: 95/100 kB", "scoring text: 100/100 kB"]


def test_what_is_read_inside_of_a_task_is_shown_before_the_task_ends(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress("cleaning", 10_000_000, "B") as step:
        clock.now += 1  # the start of workers is no part of the rate of reading
        count_bytes(500_000)
        step(0)
        clock.now += 3
        count_bytes(3_500_000)
        for _ in range(400):
            count_document()
        step(0)
        clock.now += 4
        count_bytes(6_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "cleaning: 40%, 400 documents, 4.0 of 10.0 MB, 1.0 MB/s, 100 documents/s, about 5 s left",
        "cleaning: 100%, 400 documents, 10.0 MB, 1.2 MB/s, 50 documents/s",
    ]


def test_lines_are_printed_while_nothing_calls(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLLED_EVERY", 0.01)
    monkeypatch.setattr(module, "BETWEEN_LINES", 0.05)
    with progress("training the tokenizer", 1):
        Event().wait(0.5)
    assert capsys.readouterr().err.splitlines() == ["training the tokenizer: 0 s so far"]


def test_after_an_error_there_is_no_last_line(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with pytest.raises(ZeroDivisionError), progress("cleaning", 2, read=lambda: InputRead(1, 1)):
        clock.now += 9
        _ = 1 / 0
    assert capsys.readouterr().err == ""


def test_a_pipe_gets_no_control_codes_whatever_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("cleaning", 100, "B") as step:
        clock.now += 3
        step(100)
    assert capsys.readouterr().err == "cleaning: 100%, 100 B, 33 B/s\n"


SAFE = "Ünïcode\ttab\nline 天地 نص\u200f हिन्दी 👩\u200d👩\u200d👧 \ufffd"


def test_text_of_any_script_with_tabs_and_new_lines_is_unchanged() -> None:
    assert printable(SAFE) == readable(SAFE) == SAFE


@pytest.mark.parametrize("number", [*range(9), *range(11, 32), *range(127, 160)])
def test_control_characters_are_shown(number: int) -> None:
    shown = "\\r" if number == 13 else f"\\x{number:02x}"
    assert printable(f"a{chr(number)}[31mb") == f"a{shown}[31mb"


@pytest.mark.parametrize("number", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_bidirectional_overrides_are_shown(number: int) -> None:
    assert printable(f"a{chr(number)}b") == f"a\\u{number:04x}b"


def test_an_id_of_megabytes_is_shortened_and_a_path_is_not() -> None:
    message = readable(f"of {'/long' * 800} and {'i' * 5_000_000} it says")
    assert len(message) < 5_000
    assert "/long" * 800 in message
    assert "... (5,000,000 characters) it says" in message
