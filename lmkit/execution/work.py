"""Some work, as people see it: how much of it is done, how fast, and how long the rest takes.

Choices:
- Work on inputs is measured in their bytes as they are stored, because their number is known before
  anything is read; that of the documents isn't. Work without inputs is measured in tasks.
- The rate is the average since the work began: what an interrupted run did earlier isn't part of
  the work, and neither of its rate.
- The time left follows from the bytes read since the first of them, because workers take seconds to
  start, in which nothing is read. It is estimated when something has been done, and counts down
  until more is.
- Of work that nothing can be measured of, the time that it has taken so far is shown.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lmkit.execution.amounts import size
from lmkit.execution.meter import InputRead, read_here

BYTES = "B"
"""The unit of work that is measured in bytes."""
SHORTEST_MEASURED = 1
"""Seconds in which a rate of reading can be measured."""


@dataclass(frozen=True)
class WorkState:
    """How far some work is."""

    label: str
    total: int | None
    unit: str
    done: int
    documents: int
    seconds: float
    seconds_left: float | None = None
    """The seconds that the rest takes at the rate so far; None if that is unknown."""

    @property
    def is_measured(self) -> bool:
        """Whether it is known how much is done of how much."""
        return self.total is not None and (self.total, self.unit) != (1, "task")

    @property
    def fraction(self) -> float:
        """The fraction that is done."""
        return self.done / self.total if self.total else 0.0

    @property
    def amount(self) -> str:
        """How much is done of how much.

        >>> WorkState("x", 2_900_000_000, "B", 1_200_000_000, 0, 1.0).amount
        '1.2 of 2.9 GB'
        >>> WorkState("x", 2_000, "task", 900, 0, 1.0).amount
        '900/2,000 tasks'
        """
        if not self.is_measured or self.total is None:
            return ""
        if self.unit != BYTES:
            plural = self.unit if self.total == 1 or self.unit.endswith("B") else f"{self.unit}s"
            return f"{self.done:,}/{self.total:,} {plural}"
        if self.done == self.total:
            return size(self.total)
        done, total = size(self.done), size(self.total)
        same = done.partition(" ")[2] == total.partition(" ")[2]
        return f"{done.partition(' ')[0] if same else done} of {total}"

    @property
    def rates(self) -> tuple[str, str]:
        """Return the bytes and the documents per second, each empty if it is unknown."""
        if self.seconds <= 0:
            return "", ""
        bytes_read = self.done if self.unit == BYTES else 0
        documents = self.documents / self.seconds
        return (
            f"{size(round(bytes_read / self.seconds))}/s" if bytes_read else "",
            f"{documents:,.{0 if documents >= 10 else 1}f} documents/s" if documents else "",
        )

    @property
    def documents_read(self) -> str:
        """How many documents have been read; empty if there are none."""
        return f"{self.documents:,} document{'s' * (self.documents > 1)}" if self.documents else ""


class Work:
    """Some work that advances; `read` returns what its processes have read.

    Where `total` is an estimate, it is never passed.
    """

    def __init__(
        self,
        label: str,
        total: int | None,
        unit: str = "task",
        read: Callable[[], InputRead] = read_here,
    ) -> None:
        self.label, self.total, self.unit = label, total, unit
        self._read = read
        self._before = read()
        self._stepped = 0
        self._started = time.monotonic()
        self._first = self._last = (0.0, 0)
        """When something was done, the first and the last time, and how much then."""

    def advance(self, count: int) -> None:
        """Add units that are done; bytes of inputs are added as they are read."""
        self._stepped += count

    def state(self) -> WorkState:
        """Return how far it is."""
        read, before = self._read(), self._before
        done = self._stepped + (read.bytes - before.bytes if self.unit == BYTES else 0)
        done = done if self.total is None else min(done, self.total)
        seconds = time.monotonic() - self._started
        if self.unit == BYTES and not self._last[1]:
            self._first = (seconds, done)
        if done != self._last[1]:
            self._last = (seconds, done)
        left = self._seconds_left(seconds)
        documents = read.documents - before.documents
        return WorkState(self.label, self.total, self.unit, done, documents, seconds, left)

    def _seconds_left(self, seconds: float) -> float | None:
        (start, before), (now, done) = self._first, self._last
        if not self.total or not before < done < self.total or now - start < SHORTEST_MEASURED:
            return None
        estimate = (now - start) / (done - before) * (self.total - done) - (seconds - now)
        return estimate if estimate > 0 else None
