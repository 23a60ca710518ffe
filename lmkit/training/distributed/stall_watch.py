"""A run that stands still, and who it is that doesn't come.

Choices:
- Each process notes what it is doing. A thread looks at the notes, and where nothing has moved for
  too long it says which process is behind, in what, and ends the run with exit code 1: the others
  would wait for it for ever, and a batch system would pay for that. The last checkpoint is whole.
- The notes of other processes are in the store that torch's process groups meet in, so nothing but
  the network that they need anyway has to work.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

EVERY = 1.0
"""Seconds between two notes to the others, at least."""


@dataclass(frozen=True)
class Note:
    """What a process is doing, and since when, by its own clock."""

    step: int
    doing: str
    since: float


class Watch:
    """Notices when `beat` isn't called any more."""

    def __init__(
        self,
        seconds: float | None,
        rank: int = 0,
        ranks: int = 1,
        end: Callable[[str], None] | None = None,
    ) -> None:
        self._seconds, self._rank, self._ranks = seconds, rank, ranks
        self._end = end or _end
        self._note = Note(0, "starting", time.time())
        self._told = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def beat(self, step: int, doing: str) -> None:
        """Note what this process begins to do."""
        self._note = Note(step, doing, time.time())
        if self._ranks > 1 and self._seconds and self._note.since - self._told > EVERY:
            self._told = self._note.since
            _store().set(_key(self._rank), json.dumps(self._note.__dict__))

    def _look(self) -> None:
        assert self._seconds
        while not self._over.wait(min(1.0, self._seconds / 4)):
            note = self._note
            if time.time() - note.since > self._seconds:
                notes = {self._rank: note} | (self._others() if self._ranks > 1 else {})
                self._end(stalled(notes, self._rank, self._seconds))
                return

    def _others(self) -> dict[int, Note]:
        store, found = _store(), dict[int, Note]()
        for rank in range(self._ranks):
            if rank != self._rank and store.check([_key(rank)]):
                found[rank] = Note(**json.loads(store.get(_key(rank))))
        return found

    def __enter__(self) -> Self:
        if self._seconds:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()


def stalled(notes: Mapping[int, Note], own: int, seconds: float) -> str:
    """Say who is behind: those that read rows, else those at the earliest step.

    >>> one, two = Note(7, "computing", 0.0), Note(7, "reading rows", 0.0)
    >>> stalled({0: one, 1: two}, 0, 60)
    'nothing has moved for 60 s: process 1 has been reading rows for step 7'
    >>> stalled({0: one}, 0, 60)
    'nothing has moved for 60 s: this process has been computing for step 7'
    """
    behind = {rank: note for rank, note in notes.items() if note.doing == "reading rows"}
    if not behind:
        earliest = min(note.step for note in notes.values())
        behind = {rank: note for rank, note in notes.items() if note.step == earliest}
    names = [
        f"{'this process' if len(notes) == 1 and rank == own else f'process {rank}'} has been "
        f"{note.doing} for step {note.step}"
        for rank, note in sorted(behind.items())
    ]
    return f"nothing has moved for {seconds:g} s: " + "; ".join(names)


def _end(message: str) -> None:
    sys.stderr.write(
        f"Error: {message}\nHint: the same command goes on from the last checkpoint; a longer "
        "--stall-timeout waits longer\n"
    )
    sys.stderr.flush()
    os._exit(1)  # the main thread may be stuck where no exception reaches it


def _store() -> Any:
    from torch.distributed import distributed_c10d

    return distributed_c10d._get_default_store()  # pyright: ignore[reportPrivateUsage]


def _key(rank: int) -> str:
    return f"lmkit/beat/{rank}"
