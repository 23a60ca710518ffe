"""Tasks distributed over processes.

Choices:
- Results are returned in the order of the tasks, so nothing downstream can depend on the number of
  workers or on which finished first. The largest are started first: the last ones to end are then
  small, and no worker waits long for another.
- Processes are never forked from this one: forking a process that has threads (the progress bar is
  one, torch has many) can deadlock. They are forked from a server where that is safe
  (`fork_server.py`), else spawned. A worker has this process's environment, flags, paths and
  folder, however it is started.
- One worker means the main process: simple to debug, and no start-up cost.
- The function is sent once to each worker, not with every task: it may hold a list of all tasks
  (20,000 in it took 5 ms of the main process for each task, and 10 ms of a worker).
- What is inside of a task is shown while it runs (`meter.py`).
- When a task fails, the running ones are allowed to finish, since their results are kept. After an
  interrupt they are not waited for.
- All workers are started before the executor's thread is, which takes the pool down when one dies.
  It would close files that a worker is being started with, whose numbers others then have: such a
  worker fails with a traceback of its own. For the same reason the table of tasks that this thread
  goes through, while others are added, is read at once.
"""

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

from lmkit.errors import LmkitError
from lmkit.execution.executors.executor import Executor, run_on
from lmkit.execution.fork_server import start_fork_server
from lmkit.execution.guarded_script import unguarded_script_error
from lmkit.execution.interrupt_signals import deferred, was_interrupted
from lmkit.execution.meter import WorkerMeter, nothing_read
from lmkit.execution.progress import progress
from lmkit.execution.work import BYTES

ENDED = (-signal.SIGTERM, -signal.SIGINT, 255)
"""Exit codes of workers that were asked to end; 255 where the server of workers was, too."""
SECONDS_FOR_SIGNAL = 1.0
"""A batch system signals all processes of a job, one after the other: workers may be the first."""

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


def map_tasks(
    function: Callable[[TaskT], ResultT],
    tasks: Sequence[TaskT],
    *,
    workers: int,
    label: str,
    weights: Sequence[int] | None = None,
    input_bytes: Sequence[int] | None = None,
    executor: Executor | None = None,
) -> list[ResultT]:
    """Call a function on every task, in parallel, and return the results in order.

    Several workers start the tasks in the order of their `weights`, the largest first. Progress is
    shown by the `input_bytes` that each task reads, or else by tasks. An `executor` runs the tasks
    on other machines, however many `workers` there are.
    """
    if not tasks:
        return []
    total, unit = (sum(input_bytes or ()), BYTES) if input_bytes else (len(tasks), "task")
    units = 0 if input_bytes else 1  # that a finished task adds to what is done
    order = list(range(len(tasks)))
    if weights is not None:
        order.sort(key=lambda index: -weights[index])
    if executor is not None:
        with progress(label, total, unit, nothing_read) as step:
            sizes = input_bytes or [1] * len(tasks)
            return run_on(executor, function, tasks, order, lambda number: step(sizes[number]))
    workers = min(workers, len(tasks))
    if workers == 1:
        results: list[ResultT] = []
        with progress(label, total, unit) as step:
            for task in tasks:
                results.append(function(task))
                step(units)
        return results
    forked = start_fork_server([_module_of(function)])
    context = get_context("forkserver" if forked else "spawn")
    meter = WorkerMeter(context, workers)
    begin = (dict(os.environ), len(tasks) < 2 * workers, pickle.dumps(function), meter)
    with (
        progress(label, total, unit, meter.read) as step,
        ProcessPoolExecutor(workers, context, _begin, begin) as pool,
    ):
        return _results(pool, tasks, order, partial(step, units))


class _ReadAtOnce(dict[Any, Any]):
    """A table that one thread goes through while another one adds to it."""

    def items(self) -> Any:
        return list(super().items())


def _results(
    pool: ProcessPoolExecutor, tasks: Sequence[Any], order: Sequence[int], step: Callable[[], None]
) -> list[Any]:
    """Return the results of tasks, which are started in an order."""
    workers: dict[int, BaseProcess] = cast(Any, pool)._processes  # filled as they are started
    try:
        futures = _submitted(pool, tasks, order)
        results: dict[int, Any] = {}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            step()
        return [results[index] for index in range(len(tasks))]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or was_interrupted():
            _terminate_workers()
            raise
        if not isinstance(error, BrokenProcessPool):
            raise
        pool.shutdown()  # else an exit code might be read by two threads
        if any(worker.exitcode in ENDED for worker in workers.values()):
            time.sleep(SECONDS_FOR_SIGNAL)  # which then raises KeyboardInterrupt here
        raise unguarded_script_error(workers.values()) or LmkitError(
            "a worker process died (out of memory?)",
            "finished tasks are kept: run the same again, with fewer --workers",
        ) from None
    finally:
        _shut_down(pool)


def _submitted(
    pool: ProcessPoolExecutor, tasks: Sequence[Any], order: Sequence[int]
) -> dict[Future[Any], int]:
    """Start the workers, and submit tasks in an order; return the index of each."""
    inner = cast(Any, pool)
    inner._pending_work_items = inner._call_queue.pending_work_items = _ReadAtOnce()
    try:
        with deferred():  # a worker that gets no first message ends with an error
            inner._launch_processes()
            return {pool.submit(_call, _Task(tasks, index)): index for index in order}
    except (EOFError, OSError) as error:
        _terminate_workers()  # before the first task there is no thread that would
        if isinstance(error, EOFError | ConnectionError):
            raise BrokenProcessPool(f"the server of workers has ended: {error}") from None
        raise


def _shut_down(pool: ProcessPoolExecutor) -> None:
    """Wait for what runs: the executor's thread must end before Python does."""
    try:
        pool.shutdown(cancel_futures=True)
    except BaseException:
        _terminate_workers()
        raise


def _terminate_workers() -> None:
    for worker in active_children():
        worker.terminate()


def _module_of(function: object) -> str:
    """Return the module of a function, or of the last function that is bound in a partial one."""
    if isinstance(function, partial):
        bound = cast("partial[object]", function)
        inner = [each for each in bound.args if callable(each)]
        return _module_of(inner[-1] if inner else bound.func)
    return function.__module__


_function = b""
"""The function of this worker, pickled."""


def _begin(
    environment: dict[str, str], few_tasks: bool, function: bytes, meter: WorkerMeter
) -> None:
    """Make a worker ready for tasks."""
    global _function
    _function = function
    meter.claim()
    os.environ.clear()  # a fork server has the environment of when it was started
    os.environ.update(environment)
    # The processes are the parallelism: threads inside of each would only compete for the cores.
    # With few tasks, though, the last ones can use the cores of those that have finished.
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if few_tasks else "false"
    if not few_tasks:
        os.environ.setdefault("RAYON_NUM_THREADS", "1")  # read once, with the first text
    _end_with_parent()


@cache
def _loaded(function: bytes) -> Callable[[Any], Any]:
    return pickle.loads(function)


class _Task:
    """A task that is made when it is sent: all of them may take more memory than there is."""

    def __init__(self, tasks: Sequence[Any], index: int) -> None:
        self._tasks, self._index = tasks, index

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Any]]:
        """Return what a worker gets: the task itself."""
        return _as_it_is, (self._tasks[self._index],)


def _as_it_is(task: Any) -> Any:
    return task


def _call(task: Any) -> Any:
    """Call the function of this worker: what fails to load it is an error of the task."""
    return _loaded(_function)(task)


def _end_with_parent() -> None:
    """Make a worker exit silently on Ctrl-C, and at once when its parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        # An orphan would wait for work indefinitely: it holds both ends of the queue it reads.
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
