"""Tasks distributed over processes.

Choices:
- Results are returned in the order of the tasks, so nothing downstream can depend on the number of
  workers or on which finished first.
- Processes are spawned, not forked: forking a process that has threads (the progress bar is one,
  torch has many) can deadlock.
- One worker means the main process: simple to debug, and no start-up cost.
- When a task fails, the running ones are allowed to finish, since their results are kept. After an
  interrupt they are not waited for.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from lmkit.errors import LmkitError
from lmkit.execution.progress import progress

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


def map_tasks(
    function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], *, workers: int, label: str
) -> list[ResultT]:
    """Call a function on every task, in parallel, and return the results in order."""
    if not tasks:
        return []
    with progress(label, len(tasks)) as step:
        workers = min(workers, len(tasks))
        if workers == 1:
            results: list[ResultT] = []
            for task in tasks:
                results.append(function(task))
                step()
            return results
        from concurrent.futures import ProcessPoolExecutor, as_completed
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import active_children, get_context

        context, few = get_context("spawn"), len(tasks) < 2 * workers
        with ProcessPoolExecutor(workers, context, _end_with_parent, (few,)) as pool:
            try:
                futures = [pool.submit(function, task) for task in tasks]
                for future in as_completed(futures):
                    future.result()
                    step()
                return [future.result() for future in futures]
            except BrokenProcessPool:
                raise LmkitError(
                    "a worker process died (out of memory?)",
                    "finished tasks are kept: run the same again, with fewer --workers",
                ) from None
            except KeyboardInterrupt:
                for worker in active_children():
                    worker.terminate()
                raise
            finally:
                # This waits: the executor's thread must end before Python does.
                pool.shutdown(cancel_futures=True)


def _end_with_parent(few_tasks: bool) -> None:
    """Make a worker exit silently on Ctrl-C, and at once when its parent is killed."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The processes are the parallelism: threads inside of each would only compete for the cores.
    # With few tasks, though, the last ones can use the cores of those that have finished.
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if few_tasks else "false"
    if not few_tasks:
        os.environ.setdefault("RAYON_NUM_THREADS", "1")  # read once, with the first text
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        # An orphan would wait for work indefinitely: it holds both ends of the queue it reads.
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
