import time

import pytest

from lmkit.execution.meter import InputRead
from lmkit.execution.work import Work, WorkState


def test_what_was_read_before_is_no_part_of_the_work() -> None:
    read = InputRead(700, 7)
    work = Work("cleaning", 1000, "B", lambda: read)
    read = InputRead(950, 9)
    state = work.state()
    assert (state.done, state.documents, state.fraction) == (250, 2, 0.25)


def test_the_time_left_is_that_of_the_average_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    work = Work("matching", 4)
    assert work.state().seconds_left is None
    now += 30
    work.advance(1)
    assert work.state().seconds_left == 90
    work.advance(3)
    assert work.state().seconds_left is None


def test_the_start_of_workers_is_no_part_of_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now, read = 100.0, InputRead(0, 0)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    work = Work("cleaning", 1000, "B", lambda: read)
    now, read = 160.0, InputRead(100, 1)
    assert work.state().seconds_left is None
    now, read = 170.0, InputRead(300, 3)
    assert work.state().seconds_left == 35
    now = 190.0
    assert work.state().seconds_left == 15  # it counts down until more is read
    now = 220.0
    assert work.state().seconds_left is None
    now, read = 230.0, InputRead(1000, 9)
    assert work.state().seconds_left is None


def test_a_single_task_or_an_unknown_total_has_no_share() -> None:
    assert not Work("training", 1).state().is_measured
    assert not Work("listing", None, "file").state().is_measured
    assert Work("answering", 1, "item").state().is_measured


def test_a_rate_that_is_unknown_is_left_out() -> None:
    assert WorkState("x", 9, "task", 3, 0, 1.0).rates == ("", "")
    assert WorkState("x", 9_000_000, "B", 3_000_000, 5, 2.0).rates == (
        "1.5 MB/s",
        "2.5 documents/s",
    )
