"""The processes that share an evaluation.

Choices:
- Work is dealt in units that don't depend on the number of processes: batches of sequences, blocks
  of items. What is found for each unit is the same to the bit, whichever process finds it.
- What each process has found is put into zeros, and these are added up: a number plus zeros is that
  number. So the sums of all units are made in their order, in every process alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


def _unchanged(local: Tensor) -> Tensor:
    return local


@dataclass(frozen=True)
class Processes:
    """A process among those that share an evaluation."""

    rank: int = 0
    size: int = 1
    reduce_sum: Callable[[Tensor], Tensor] = _unchanged
    """Adds up a tensor over all processes."""

    def answers_for(self, unit: int) -> bool:
        """Return whether it computes a unit of work, given the unit's number."""
        return unit % self.size == self.rank


ALONE = Processes()
