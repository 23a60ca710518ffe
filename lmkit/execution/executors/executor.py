"""What every executor of a cluster offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import Any

from lmkit.execution.executors.remote_call import Outcome, RemoteFunction


class Executor(ABC):
    """Runs tasks on other machines."""

    @abstractmethod
    def outcomes(
        self,
        function: RemoteFunction,
        tasks: Sequence[Any],
        order: Sequence[int],
        gives_more: Callable[[], bool],
    ) -> Generator[Outcome]:
        """Yield what became of each task, as it ends; to close the generator ends what runs.

        Args:
            function: called with a task.
            tasks: of a step.
            order: the numbers of the tasks, those to start first being first.
            gives_more: whether tasks that haven't been given are still to be; those that were
                given are waited for.

        """


def results(
    executor: Executor,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    order: Sequence[int],
    step: Callable[[int], None],
) -> list[Any]:
    """Return the results of tasks, in their order; `step` is called with each number that is done.

    After an error the tasks that run are finished, since their results are kept; the first error is
    raised then.
    """
    found: dict[int, Any] = {}
    failed: list[Outcome] = []
    outcomes = executor.outcomes(RemoteFunction.of(function), tasks, order, lambda: not failed)
    try:
        for outcome in outcomes:
            if outcome.error is not None:
                failed.append(outcome)
                continue
            found[outcome.number] = outcome.result
            step(outcome.number)
    finally:
        outcomes.close()
    if failed:
        failed[0].unwrapped()
    return [found[number] for number in range(len(tasks))]
