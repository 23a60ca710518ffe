"""Detection of a stalled run, and of the process that stalls it.

Choices:
- Each process records what it is doing. A thread checks the records, and where there has been no
  progress for too long it reports which process lags, and in what, and ends the run with exit code
  1: the others would wait for it indefinitely, and a batch system would charge for that. The last
  checkpoint is intact.
- The thread counts its own checks instead of reading a clock. So time in which this process
  couldn't run (it was stopped with SIGSTOP, or its machine slept) is no stall, nor is a clock that
  is set.
- The records of other processes are in the store of torch's process groups, so only the network
  that they need anyway has to work.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

MIN_INTERVAL = 1.0
"""Minimum seconds between two records for the others."""


@dataclass(frozen=True)
class Heartbeat:
    """What a process is doing."""

    step: int
    doing: str


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
        self._heartbeat = Heartbeat(0, "starting")
        self._published = -MIN_INTERVAL
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def beat(self, step: int, doing: str) -> None:
        """Record what this process starts to do."""
        self._heartbeat = Heartbeat(step, doing)
        now = time.monotonic()
        if self._ranks > 1 and self._seconds and now - self._published > MIN_INTERVAL:
            self._published = now
            _store().set(_key(self._rank), json.dumps(self._heartbeat.__dict__))

    def _watch(self) -> None:
        assert self._seconds
        interval = min(1.0, self._seconds / 4)
        last, checks = self._heartbeat, 0
        while not self._over.wait(interval):
            heartbeat = self._heartbeat
            last, checks = heartbeat, checks + 1 if heartbeat is last else 0
            if checks * interval > self._seconds:
                heartbeats = {self._rank: heartbeat} | (self._others() if self._ranks > 1 else {})
                self._end(stalled(heartbeats, self._rank, self._seconds))
                return

    def _others(self) -> dict[int, Heartbeat]:
        store, heartbeats_of_others = _store(), dict[int, Heartbeat]()
        for rank in range(self._ranks):
            if rank != self._rank and store.check([_key(rank)]):
                heartbeats_of_others[rank] = Heartbeat(**json.loads(store.get(_key(rank))))
        return heartbeats_of_others

    def __enter__(self) -> Self:
        if self._seconds:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()


def stalled(heartbeats: Mapping[int, Heartbeat], this_rank: int, seconds: float) -> str:
    """Return which process lags: those that read sequences, else those at the earliest step.

    >>> one, two = Heartbeat(7, "computing"), Heartbeat(7, "reading sequences")
    >>> stalled({0: one, 1: two}, 0, 60)
    'no progress for 60 s: process 1 has been reading sequences for step 7'
    >>> stalled({0: one}, 0, 60)
    'no progress for 60 s: this process has been computing for step 7'
    """
    lagging = {
        rank: heartbeat
        for rank, heartbeat in heartbeats.items()
        if heartbeat.doing == "reading sequences"
    }
    if not lagging:
        earliest = min(heartbeat.step for heartbeat in heartbeats.values())
        lagging = {
            rank: heartbeat for rank, heartbeat in heartbeats.items() if heartbeat.step == earliest
        }
    is_alone = len(heartbeats) == 1 and this_rank in heartbeats
    names = [
        f"{'this process' if is_alone else f'process {rank}'} has been {heartbeat.doing} for step "
        f"{heartbeat.step}"
        for rank, heartbeat in sorted(lagging.items())
    ]
    return f"no progress for {seconds:g} s: " + "; ".join(names)


def _end(message: str) -> None:
    sys.stderr.write(
        f"Error: {message}\nHint: the same command resumes from the last checkpoint; a longer "
        "--stall-timeout waits longer\n"
    )
    sys.stderr.flush()
    os._exit(1)  # the main thread may be stuck where no exception reaches it


def _store() -> Any:
    from torch.distributed import distributed_c10d

    return distributed_c10d._get_default_store()  # pyright: ignore[reportPrivateUsage]


def _key(rank: int) -> str:
    return f"lmkit/beat/{rank}"
