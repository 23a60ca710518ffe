import itertools
import signal
import threading
import time

import pytest

from lmkit.errors import InputError
from lmkit.execution.interruptible import Stoppable, interruptible


def test_an_exception_in_the_thread_is_raised_in_the_caller() -> None:
    def fail(_: Stoppable) -> None:
        raise InputError("gone")

    with pytest.raises(InputError, match="gone"):
        interruptible(fail)


def test_a_signal_is_received_while_the_work_continues() -> None:
    received: list[int] = []

    def work(stoppable: Stoppable) -> None:
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGINT)
        for number in stoppable(itertools.count()):
            received.append(number)
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    before = len(received)
    time.sleep(0.1)
    assert len(received) == before  # a stop was requested, and the work has stopped
