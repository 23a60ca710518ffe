"""Saving checkpoints in the background while training continues.

Choices:
- The copy is made at once, a thread writes it: a checkpoint is exactly that of its step.
- One at a time: where the disk is slower than the steps between two checkpoints, training waits
  rather than fill the memory with copies.
- Errors in the thread are reported when the next save starts; at the end of the run they are
  raised.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self


class Saver:
    """Writes one checkpoint at a time in a thread."""

    def __init__(self, on_error: Callable[[OSError], None]) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[object] | None = None
        self._on_error = on_error

    def begin(self, write: Callable[[], object]) -> None:
        """Start writing a checkpoint, after the one before is written."""
        self.wait()
        self._writing = self._pool.submit(write)

    def wait(self) -> None:
        """Wait until nothing is being written; an OSError is passed to `on_error`."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except OSError as error:
            self._on_error(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Also after an error: the checkpoint being written is good.
        try:
            self.wait()
        finally:
            self._pool.shutdown()
