import signal
import threading
import time

import pytest

from lmkit.errors import InputError
from lmkit.execution.interruptible import interruptible


def test_what_goes_wrong_in_the_thread_is_raised_here() -> None:
    def fail() -> None:
        raise InputError("gone")

    with pytest.raises(InputError, match="gone"):
        interruptible(fail)


def test_a_signal_is_heard_while_the_work_goes_on() -> None:
    finished = threading.Event()

    def work() -> None:
        signal.raise_signal(signal.SIGINT)  # it is the main thread that handles it
        while not finished.is_set():
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    finished.set()
