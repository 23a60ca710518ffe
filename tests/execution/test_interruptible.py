import itertools
import signal
import threading
import time

import pytest

from lmkit.errors import InputError
from lmkit.execution.interruptible import Stoppable, interruptible


def test_what_goes_wrong_in_the_thread_is_raised_here() -> None:
    def fail(_: Stoppable) -> None:
        raise InputError("gone")

    with pytest.raises(InputError, match="gone"):
        interruptible(fail)


def test_a_signal_is_heard_while_the_work_goes_on() -> None:
    seen: list[int] = []

    def work(stoppable: Stoppable) -> None:
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGINT)
        for number in stoppable(itertools.count()):
            seen.append(number)
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    before = len(seen)
    time.sleep(0.1)
    assert len(seen) == before  # it was told to stop, and has stopped
