import errno
from typing import Any

import pytest

from lmkit.storage import request_retries
from lmkit.storage.request_retries import RequestCounts, is_transient, with_retries


class AnswerError(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    asked: list[float] = []
    monkeypatch.setattr(request_retries.time, "sleep", asked.append)
    return asked


def failing(errors: list[Exception]) -> Any:
    def request() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    return request


def test_a_busy_store_is_asked_again_and_every_request_counts(pauses: list[float]) -> None:
    counts = RequestCounts()
    busy = [AnswerError(503), OSError(errno.EBUSY, "SlowDown"), TimeoutError()]
    assert with_retries(failing([*busy]), 3, counts=counts) == "done"
    assert (counts.sent, counts.repeated) == (4, 3) and len(pauses) == 3
    assert counts.since(RequestCounts(1, 1)) == RequestCounts(3, 2)


def test_what_cannot_succeed_fails_at_once(pauses: list[float]) -> None:
    for error in (PermissionError("no such key"), FileNotFoundError(), AnswerError(404)):
        with pytest.raises(type(error)):
            with_retries(failing([error]), 5, counts=RequestCounts())
    assert not pauses


def test_it_is_given_up_after_so_many_retries() -> None:
    counts = RequestCounts()
    with pytest.raises(AnswerError):
        with_retries(failing([AnswerError(429) for _ in range(9)]), 2, counts=counts)
    assert counts.sent == 3


def test_pauses_are_random_and_their_limit_doubles(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []
    monkeypatch.setattr(
        request_retries.random, "uniform", lambda low, high: limits.append(high) or low
    )
    with pytest.raises(TimeoutError):
        with_retries(failing([TimeoutError() for _ in range(9)]), 7, counts=None)
    assert limits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0]
    assert pauses == [0.0] * 7


def test_the_cause_of_an_error_decides_too() -> None:
    try:
        raise ValueError("wrapped") from ConnectionResetError()
    except ValueError as error:
        assert is_transient(error)
    assert not is_transient(ValueError())
