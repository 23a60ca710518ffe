"""Checkpoints that are written while training goes on.

Choices:
- The copy is made at once, the writing is a thread's: a checkpoint is that of its step, to the bit.
- One at a time: where the disk is slower than the steps between two checkpoints, training waits
  rather than fill the memory with copies.
- What goes wrong in the thread is told at the next look; at the end of the run it is raised.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class Saver:
    """Writes one checkpoint at a time, behind the back of whoever trains."""

    def __init__(self, on_error: Callable[[OSError], None]) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[object] | None = None
        self._on_error = on_error

    def begin(self, write: Callable[[], object]) -> None:
        """Let a checkpoint be written, once the one before is."""
        self.wait()
        self._writing = self._pool.submit(write)

    def wait(self) -> None:
        """Wait until nothing is being written; an OSError goes to whom it may concern."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except OSError as error:
            self._on_error(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Also behind an error: what was begun is a good checkpoint.
        try:
            self.wait()
        finally:
            self._pool.shutdown()
