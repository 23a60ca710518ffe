"""The signals that interrupt a command, and whether one has come.

Choices:
- Ctrl-C, SIGTERM and SIGUSR1 (batch systems send one some time before they kill) raise
  KeyboardInterrupt, wherever the main thread is. There it may be turned into another error: a lock
  that was released for a moment is released twice, a library whose import is interrupted reports an
  ImportError, a worker that ended breaks its pipe. So the first thing done is to record that a
  signal came: whatever error follows is an effect of it, and is reported as an interrupt.
- Only the first one raises. What follows is the end, which another exception would disturb; it is
  over within seconds in any case (`forced_end.py`).
- None raises outside of `raising`: one that comes there is recorded. What must not be left half
  done, as the start of a process that waits for its first message, is done in `deferred`.
- A process that is forked by a library gets the system's handlers again: it has nothing to end.
"""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class _State:
    has_come = False
    raises = False


def was_interrupted() -> bool:
    """Return whether a signal has come since the command began."""
    return _State.has_come


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal: record it, and raise KeyboardInterrupt at the first one."""
    is_first, _State.has_come = not _State.has_come, True
    if is_first and _State.raises:
        raise KeyboardInterrupt


def record() -> None:
    """Record a signal that another handler of a command has got."""
    _State.has_come = _State.has_come or _State.raises


@contextmanager
def handled(*, until_exit: bool) -> Generator[None]:
    """While this is open, handle the signals; to be called by the main thread.

    What is ignored, as Ctrl-C is in the background of a script, stays ignored. With `until_exit`
    nothing follows but the end of Python: a signal that comes then ends the process at once.
    """
    _State.has_come = _State.raises = False
    before = {
        number: signal.signal(number, interrupt)
        for number in SIGNALS
        if number != signal.SIGINT or signal.getsignal(number) is signal.default_int_handler
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if until_exit else handler)


@contextmanager
def raising() -> Generator[None]:
    """While this is open, a signal raises KeyboardInterrupt; at once if one has come before."""
    _State.raises = True
    try:
        if _State.has_come:
            raise KeyboardInterrupt
        yield
    finally:
        _State.raises = False


@contextmanager
def deferred() -> Generator[None]:
    """While this is open, a signal is only recorded; it raises when this ends."""
    raises, had_come = _State.raises, _State.has_come
    _State.raises = False
    try:
        yield
    finally:
        _State.raises = raises
    if raises and _State.has_come and not had_come:
        raise KeyboardInterrupt


def _forget_in_child() -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is interrupt:
            signal.set_wakeup_fd(-1)
            signal.signal(number, signal.SIG_DFL)


os.register_at_fork(after_in_child=_forget_in_child)
