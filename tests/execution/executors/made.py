"""Functions that tests send to other machines, and an executor that keeps to this process."""

import os
from collections.abc import Generator
from pathlib import Path

from lmkit.errors import InputError
from lmkit.execution.executors.executor import Executor, RemoteStep
from lmkit.execution.executors.remote_call import Outcome, run_remotely


def square(task: int) -> int:
    return task * task


def surroundings(task: int) -> tuple[str, str | None, str | None]:
    del task
    threads = os.environ.get("RAYON_NUM_THREADS"), os.environ.get("TOKENIZERS_PARALLELISM")
    return str(Path.cwd()), *threads


def fail_at_three(task: int) -> int:
    if task == 3:
        raise InputError("task 3 can't be read", "a hint")
    return task


def out_of_memory(task: int) -> int:
    raise MemoryError(task)


def die_once(mark: str) -> str:
    """Kill this process, unless that was done."""
    path = Path(mark)
    if not path.exists():
        path.write_text("died")
        os._exit(9)
    return "done"


def die(task: int) -> int:
    os._exit(9)


class UnsendableError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def raise_unsendable(task: int) -> int:
    raise UnsendableError(task, 2)


class Here(Executor):
    """Runs tasks in this process; what it is asked to give is recorded."""

    def __init__(self) -> None:
        self.given: list[int] = []
        self.closed = False

    def outcomes(self, step: RemoteStep) -> Generator[Outcome]:
        try:
            for start in range(0, len(step.order), 2):  # two run at a time
                if not step.gives_more():
                    return
                pair = step.order[start : start + 2]
                self.given += pair
                for number in pair:
                    yield run_remotely(step.function, number, step.tasks[number])
        finally:
            self.closed = True
