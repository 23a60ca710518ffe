"""How many sequences each batch of a run has, and where in the stream of sequences it begins.

Choices:
- Batches are numbered from 1. Their sizes are a pure function of the number, and so is the sum of
  all before: a run that resumes reads on at the same sequence, and every sequence is still read
  once per epoch, whatever the sizes.
- A ramp rises in equal parts per step, to the size of the whole batch (a small batch is enough
  where gradients agree: McCandlish et al. 2018, arXiv 1812.06162; as Megatron-LM's
  --rampup-batch-size).
- The sum over a ramp is one of floors of a line, which Euclid's algorithm gives without a loop over
  the batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class BatchRange(NamedTuple):
    """The part of the endless stream of sequences that a batch reads."""

    number: int
    """Of the batch; the first is 1."""
    start: int
    """Sequences in all batches before."""
    rows: int


@dataclass(frozen=True)
class BatchSize:
    """Sequences of a batch, which may rise over the first batches of a run."""

    rows: int
    """After the ramp."""
    first_rows: int
    """Of the first batch."""
    ramp_steps: int = 0
    """Batches until `rows` is reached."""

    @classmethod
    def constant(cls, rows: int) -> "BatchSize":
        """Return the same size for every batch."""
        return cls(rows, rows)

    def at(self, number: int) -> int:
        """Return the sequences of a batch.

        >>> [BatchSize(8, 2, ramp_steps=4).at(number) for number in range(1, 7)]
        [2, 3, 5, 6, 8, 8]
        """
        if number > self.ramp_steps:
            return self.rows
        return self.first_rows + (self.rows - self.first_rows) * (number - 1) // self.ramp_steps

    def before(self, number: int) -> int:
        """Return the sequences of all batches before one.

        >>> BatchSize(8, 2, ramp_steps=4).before(6)
        24
        """
        ramped = min(number - 1, self.ramp_steps)
        sizes = self.first_rows * ramped
        sizes += _sum_of_floors(ramped, self.rows - self.first_rows, self.ramp_steps or 1)
        return sizes + self.rows * (number - 1 - ramped)


class BatchSizes:
    """The sizes of the batches of a run, which may have changed on the way."""

    def __init__(self, now: BatchSize, earlier: Sequence[tuple[int, BatchSize]] = ()) -> None:
        """Take the size now, and earlier ones with the last batch that had them, in order."""
        self._earlier, self._now = tuple(earlier), now

    @property
    def most(self) -> int:
        """The sequences of the largest batch."""
        return max(size.rows for size in (self._now, *(size for _, size in self._earlier)))

    def at(self, number: int) -> int:
        """Return the sequences of a batch."""
        for last, size in self._earlier:
            if number <= last:
                return size.at(number)
        return self._now.at(number)

    def before(self, number: int) -> int:
        """Return the sequences of all batches before one.

        >>> BatchSizes(BatchSize.constant(10), [(2, BatchSize.constant(3))]).before(5)
        26
        """
        total = first = 0
        for last, size in [*self._earlier, (number - 1, self._now)]:
            stop = max(first, min(last, number - 1))
            total += size.before(stop + 1) - size.before(first + 1)
            first = stop
        return total

    def range_of(self, number: int) -> BatchRange:
        """Return the part of the stream that a batch reads."""
        return BatchRange(number, self.before(number), self.at(number))

    def needed_for(self, rows: int) -> int:
        """Return the smallest number of batches with that many sequences in all.

        >>> BatchSizes(BatchSize(8, 2, ramp_steps=4)).needed_for(25)
        6
        """
        low, high = 0, 1
        while self.before(high + 1) < rows:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.before(middle + 1) < rows else (low, middle)
        return high


def _sum_of_floors(count: int, slope: int, divisor: int) -> int:
    """Return the sum of slope * i // divisor for i in range(count).

    Graham, Knuth and Patashnik, Concrete Mathematics (2nd ed. 1994), section 3.5.

    >>> _sum_of_floors(5, 3, 2)  # 0, 1, 3, 4 and 6
    14
    """
    total, offset = 0, 0
    while True:
        whole, slope = divmod(slope, divisor)
        total += whole * count * (count - 1) // 2
        whole, offset = divmod(offset, divisor)
        total += whole * count
        highest = slope * count + offset
        if highest < divisor:
            return total
        count, offset = divmod(highest, divisor)
        slope, divisor = divisor, slope
