import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import InputError, LmkitError
from lmkit.execution import fork_server, pool, progress
from lmkit.execution.meter import count_bytes, count_document
from lmkit.execution.pool import map_tasks

METHODS = pytest.mark.parametrize(
    "method",
    [
        pytest.param(
            "forkserver", marks=pytest.mark.skipif(not fork_server.AVAILABLE, reason="not here")
        ),
        "spawn",
    ],
)


def use(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "AVAILABLE", method == "forkserver")


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


@METHODS
def test_a_worker_that_dies_is_a_clear_error(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(method, monkeypatch)
    with pytest.raises(LmkitError, match="a worker process died"):
        map_tasks(die, [9, 9], workers=2, label="x")


DYING = """
import sys
from lmkit.errors import LmkitError
from lmkit.execution import pool
from lmkit.execution.pool import map_tasks
from tests.execution.test_pool import die
if __name__ == "__main__":
    pool.SECONDS_FOR_SIGNAL = 0
    for workers in range(2, 12):
        try:
            map_tasks(die, range(1, 2 * workers), workers=workers, label="x")
        except LmkitError as error:
            print(error)
"""


def test_workers_that_die_while_others_start_print_nothing(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(DYING)
    run = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stdout.splitlines() == ["a worker process died (out of memory?)"] * 10
    assert "Traceback" not in run.stderr and "Exception" not in run.stderr, run.stderr


def test_every_worker_is_started_before_the_thread_that_may_take_the_pool_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executor: Any = ProcessPoolExecutor
    real, started = executor._start_executor_manager_thread, list[int]()

    def start(pool: Any) -> None:
        started.append(len(pool._processes))
        real(pool)

    monkeypatch.setattr(ProcessPoolExecutor, "_start_executor_manager_thread", start)
    assert map_tasks(abs, range(5), workers=3, label="x") == [*range(5)]
    assert started == [3] * 5


def end_itself(_: int) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_workers_that_something_else_ends_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SECONDS_FOR_SIGNAL", 0)
    with pytest.raises(LmkitError, match="a worker process died"):
        map_tasks(end_itself, [1, 2], workers=2, label="x")


def threads_of_libraries(_: int) -> list[str | None]:
    time.sleep(0.1)
    return [os.environ.get(name) for name in ("TOKENIZERS_PARALLELISM", "RAYON_NUM_THREADS")]


@METHODS
def test_each_of_several_workers_encodes_with_one_thread(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(method, monkeypatch)
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    found = map_tasks(threads_of_libraries, range(4), workers=2, label="x")
    assert found == [["false", "1"]] * 4


def test_the_last_of_few_tasks_may_use_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    assert map_tasks(threads_of_libraries, range(2), workers=2, label="x") == [["true", None]] * 2


def surroundings(_: int) -> list[str | None]:
    return [os.environ.get("A"), os.environ.get("B"), str(Path.cwd()), *sys.path]


@METHODS
def test_a_worker_has_the_environment_folder_and_paths_of_now(
    method: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(method, monkeypatch)
    monkeypatch.setenv("A", "first")
    map_tasks(surroundings, range(2), workers=2, label="x")  # starts the server, if there is one
    monkeypatch.delenv("A")
    monkeypatch.setenv("B", "second")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("of-now")
    here = surroundings(0)
    assert here[:3] == [None, "second", str(tmp_path)]
    assert map_tasks(surroundings, range(2), workers=2, label="x") == [here, here]


def test_the_largest_tasks_are_given_out_first_and_results_keep_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, given = ProcessPoolExecutor.submit, list[int]()

    def submit(pool: ProcessPoolExecutor, function: Any, task: Any) -> Any:
        given.append(pickle.loads(pickle.dumps(task)))  # as a worker gets it
        return real(pool, function, task)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    weights = [1, 1, 5, 1, 9, 1]
    assert map_tasks(abs, range(6), workers=2, label="x", weights=weights) == [*range(6)]
    assert given == [4, 2, 0, 1, 3, 5]


def read_slowly(task: int) -> int:
    for _ in range(10):
        count_bytes(task)
        count_document()
        time.sleep(0.05)
    return task


def killed_after_reading(task: int) -> int:
    count_bytes(task)
    time.sleep(0.3)
    os._exit(9)


@METHODS
@pytest.mark.parametrize("workers", [1, 2])
def test_what_tasks_read_is_shown_while_they_run(
    method: str, workers: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(method, monkeypatch)
    monkeypatch.setattr(progress, "POLLED_EVERY", 0.02)
    monkeypatch.setattr(progress, "BETWEEN_LINES", 0)
    found = map_tasks(
        read_slowly, [100, 300], workers=workers, label="x", input_bytes=[1_000, 3_000]
    )
    assert found == [100, 300]
    lines = capsys.readouterr().err.splitlines()
    shares = [int(line.removeprefix("x: ").partition("%")[0]) for line in lines]
    assert len(shares) > 3 and shares == sorted(set(shares)) and len(shares) <= 11
    assert lines[-1].startswith("x: 100%, 20 documents, 4.0 kB, ")


@METHODS
def test_what_a_worker_read_before_it_died_does_no_harm(
    method: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(method, monkeypatch)
    with pytest.raises(LmkitError, match="a worker process died"):
        map_tasks(killed_after_reading, [10, 20], workers=2, label="x", input_bytes=[10, 20])
    assert "100%" not in capsys.readouterr().err
    assert map_tasks(abs, [1, 2], workers=2, label="x", input_bytes=[10, 20]) == [1, 2]


class Counted:
    """A function that counts how often it is loaded in a process."""

    loaded = 0

    def __setstate__(self, state: object) -> None:
        type(self).loaded += 1

    def __getstate__(self) -> object:
        return "something"

    def __call__(self, _: int) -> int:
        return self.loaded


def test_a_worker_loads_the_function_once() -> None:
    assert map_tasks(Counted(), range(20), workers=2, label="x") == [1] * 20


class Unloadable(Counted):
    def __setstate__(self, state: object) -> None:
        raise InputError("cannot be loaded", "a hint")


def test_a_function_that_a_worker_cannot_load_is_the_error_of_a_task() -> None:
    with pytest.raises(InputError, match="cannot be loaded") as error:
        map_tasks(Unloadable(), range(4), workers=2, label="x")
    assert error.value.hint == "a hint"


WAITING = """
import os, sys, time
from lmkit.execution import fork_server, pool, progress
from lmkit.execution.meter import count_bytes, count_document
from lmkit.execution.pool import map_tasks
from tests.execution.test_pool import wait_in
fork_server.AVAILABLE = fork_server.AVAILABLE and sys.argv[1] == "forkserver"
if __name__ == "__main__":
    map_tasks(wait_in, [sys.argv[2]] * 4, workers=2, label="x")
"""


def wait_in(folder: str) -> None:
    Path(folder, f"{os.getpid()}.json").write_text(json.dumps(os.getppid()))
    time.sleep(60)


def alive(pid: int) -> bool:
    """Tell whether a process runs; an orphan that has ended may wait for its new parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@METHODS
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_a_parent_that_is_killed_or_interrupted(
    method: str, number: int, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(WAITING)
    parent = subprocess.Popen(
        [sys.executable, str(script), method, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_until(lambda: len([*tmp_path.glob("*.json")]) == 2)
    workers = [int(path.stem) for path in tmp_path.glob("*.json")]
    servers = {json.loads(path.read_text()) for path in tmp_path.glob("*.json")} - {parent.pid}
    # A terminal sends Ctrl-C to all that runs in it.
    (os.killpg if number == signal.SIGINT else os.kill)(parent.pid, number)
    _, err = parent.communicate(timeout=30)
    assert err.count("Traceback") == (number == signal.SIGINT)  # the parent's own
    wait_until(lambda: not any(map(alive, [*workers, *servers])))
    assert len(servers) == (method == "forkserver")


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
