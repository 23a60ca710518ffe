"""The process that workers are forked from: Python's `forkserver`, with what they need imported.

Choices:
- It is started once, and may be started before the first task is known: it imports while this
  process does. A worker then starts in milliseconds; a spawned one imports everything again
  (0.6 s, and 0.3 s more for a script such as `lmkit`), in each of the steps of dedup.
- Only on Linux: the system libraries of macOS don't survive a fork. Elsewhere, and where the server
  cannot be started (a socket's path must be short), workers are spawned.
- It finds modules where this process does, whatever has changed `sys.path` since.
- A worker that can't start any more, since its parent or the pool has ended, ends without a
  traceback (`worker_start.py`).
- Ctrl-C is blocked in it, so that it dies silently with this process, also while it imports. Every
  worker unblocks it.
"""

import os
import signal
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path

AVAILABLE = sys.platform == "linux"
WORKER_START = "lmkit.execution.worker_start"


def start_fork_server(modules: Iterable[str]) -> bool:
    """Start the server unless it runs, and let it import modules; return whether it runs.

    What it has imported, it keeps: later modules are imported by each worker.
    """
    if not AVAILABLE:
        return False
    # With -E or -I it would search elsewhere: then each worker imports all it needs.
    get_context("forkserver").set_forkserver_preload(
        [] if sys.flags.ignore_environment else [WORKER_START, *modules]
    )
    with _interrupts_blocked(), _same_search_path():
        try:
            ensure_running()
        except OSError:
            return False
    return True


@contextmanager
def _interrupts_blocked() -> Generator[None]:
    """Block Ctrl-C, which a process that is started meanwhile inherits; it is delivered after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _same_search_path() -> Generator[None]:
    """Let a process that is started meanwhile search this process's `sys.path`, and nothing first.

    (`forkserver` of Python 3.11 sends the path, and ignores it.)
    """
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
    os.environ["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
