from pathlib import Path

import pytest

from lmkit.errors import InputError
from lmkit.execution.executors.executor import run_on
from lmkit.execution.pool import map_tasks
from tests.execution.executors.made import Here, fail_at_three, square


def test_results_are_in_the_order_of_the_tasks(here: Path) -> None:
    executor, done = Here(), list[int]()
    assert run_on(executor, square, range(5), [4, 2, 0, 1, 3], done.append) == [0, 1, 4, 9, 16]
    assert executor.given == done == [4, 2, 0, 1, 3]
    assert executor.closed


def test_after_an_error_what_runs_is_finished_and_nothing_more_is_given(here: Path) -> None:
    executor, done = Here(), list[int]()
    with pytest.raises(InputError, match="task 3"):
        run_on(executor, fail_at_three, range(8), [0, 1, 3, 2, 4, 5, 6, 7], done.append)
    assert executor.given == [0, 1, 3, 2]
    assert done == [0, 1, 2] and executor.closed


def test_an_interrupt_ends_what_runs(here: Path) -> None:
    executor = Here()

    def interrupted(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_on(executor, square, range(5), range(5), interrupted)
    assert executor.closed and executor.given == [0, 1]


def test_the_largest_tasks_are_given_first(here: Path) -> None:
    executor = Here()
    weights = [3, 9, 1, 5]
    found = map_tasks(square, range(4), workers=1, label="x", weights=weights, executor=executor)
    assert found == [0, 1, 4, 9] and executor.given == [1, 3, 0, 2]
