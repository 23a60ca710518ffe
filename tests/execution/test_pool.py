import os
import time

import pytest

from lmkit.errors import InputError, LmkitError
from lmkit.execution.pool import map_tasks


def slowest_first(task: int) -> int:
    time.sleep((4 - task) / 50)
    return task * task


def fail(task: int) -> int:
    raise InputError(f"task {task}", "a hint")


def die(task: int) -> int:
    os._exit(task)


@pytest.mark.parametrize("workers", [1, 3])
def test_results_are_in_the_order_of_the_tasks(workers: int) -> None:
    assert map_tasks(slowest_first, range(5), workers=workers, label="x") == [0, 1, 4, 9, 16]


def test_no_tasks_give_no_results() -> None:
    assert map_tasks(slowest_first, [], workers=2, label="x") == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_keeps_its_hint(workers: int) -> None:
    with pytest.raises(InputError, match="task") as error:
        map_tasks(fail, [1, 2], workers=workers, label="x")
    assert error.value.hint == "a hint"


def test_a_worker_that_dies_is_a_clear_error() -> None:
    with pytest.raises(LmkitError, match="a worker process died"):
        map_tasks(die, [9, 9], workers=2, label="x")


def threads_of_libraries(_: int) -> list[str | None]:
    time.sleep(0.1)
    return [os.environ.get(name) for name in ("TOKENIZERS_PARALLELISM", "RAYON_NUM_THREADS")]


def test_each_of_several_workers_encodes_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    found = map_tasks(threads_of_libraries, range(4), workers=2, label="x")
    assert found == [["false", "1"]] * 4


def test_the_last_of_few_tasks_may_use_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    assert map_tasks(threads_of_libraries, range(2), workers=2, label="x") == [["true", None]] * 2
