"""An end within seconds of a signal, also where Python can't obey it.

Choices:
- Python calls a signal's handler between two of its own instructions. A library that computes for
  minutes, or reads a file without an end, executes none; but the signal is also written to a pipe,
  which a thread reads. Where the process is still there some seconds later, the thread ends it:
  what is written is as safe as from a kill.
- Only for the handlers that are named: training has its own, which finishes a step and saves first.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager
from threading import Thread
from typing import Any

GRACE_SECONDS = 4.0
"""Batch systems kill after 5 seconds or more."""
MESSAGE = b"Error: interrupted\nHint: the same command resumes\n"


@contextmanager
def forced_end(handlers: Collection[Any], exit_code: int) -> Generator[None]:
    """While this is open, end the process some seconds after a signal that one of these handles.

    Signals must be handled by the thread that calls this, the main thread.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = Thread(target=_watch, args=(reader, handlers, exit_code), daemon=True)
    is_watched = _started(thread)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        if is_watched:
            thread.join()


def _started(thread: Thread) -> bool:
    """Start a thread that work can do without; return False where there is no memory for it."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def _watch(reader: int, handlers: Collection[Any], exit_code: int) -> None:
    deadline: float | None = None
    try:
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([reader], [], [], left)[0]:
                _end(exit_code)
            if not (number := os.read(reader, 1)):
                return
            if deadline is None and signal.getsignal(number[0]) in handlers:
                deadline = time.monotonic() + GRACE_SECONDS
    finally:
        os.close(reader)


def _end(exit_code: int) -> None:
    if multiprocessing := sys.modules.get("multiprocessing"):
        for child in multiprocessing.active_children():
            child.kill()
    os.write(2, MESSAGE)
    os._exit(exit_code)
