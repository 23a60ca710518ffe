"""What every executor of a cluster offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from lmkit.execution.executors.remote_call import Outcome, RemoteFunction


@dataclass(frozen=True)
class RemoteStep:
    """The tasks of a step."""

    function: RemoteFunction
    """Is called with a task."""
    tasks: Sequence[Any]
    order: Sequence[int]
    """The numbers of the tasks, those to start first being first."""
    gives_more: Callable[[], bool]
    """Whether tasks that haven't been given are still to be; those that were are waited for."""


class Executor(ABC):
    """Runs tasks on other machines."""

    @abstractmethod
    def outcomes(self, step: RemoteStep) -> Generator[Outcome]:
        """Yield what became of each task, as it ends; to close the generator ends what runs."""


def run_on(
    executor: Executor,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    order: Sequence[int],
    done: Callable[[int], None],
) -> list[Any]:
    """Return the results of tasks, in their order; `done` is called with the number of each.

    After an error the tasks that run are finished, since their results are kept; the first error is
    raised then.
    """
    found: dict[int, Any] = {}
    failed: list[Outcome] = []
    step = RemoteStep(RemoteFunction.of(function), tasks, order, lambda: not failed)
    outcomes = executor.outcomes(step)
    try:
        for outcome in outcomes:
            if outcome.error is not None:
                failed.append(outcome)
                continue
            found[outcome.number] = outcome.result
            done(outcome.number)
    finally:
        outcomes.close()
    if failed:
        failed[0].unwrapped()
    return [found[number] for number in range(len(tasks))]
