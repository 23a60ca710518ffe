"""Scripts that call lmkit outside of `if __name__ == "__main__":`, noticed and explained.

Choices:
- A worker process runs the script of its parent again, up to that line: so it finds the functions
  that it is sent. A script without the line would clean everything once more in each worker;
  multiprocessing stops that with an error that names no cure, in every worker.
- So a worker that is still running the script ends before any work, without a word. Its exit code
  tells the parent, which raises one error.
"""

import os
import sys
from collections.abc import Iterable
from multiprocessing import current_process
from multiprocessing.process import BaseProcess
from pathlib import Path

from lmkit.errors import LmkitError

EXIT_CODE = 107
"""Of a worker that found itself running the script again; no signal and no shell has it."""


def end_worker_that_runs_the_script() -> None:
    """End this process if it is a worker that runs its parent's script again."""
    # What multiprocessing asks before it raises its own error.
    if getattr(current_process(), "_inheriting", False):
        os._exit(EXIT_CODE)


def unguarded_script_error(workers: Iterable[BaseProcess]) -> LmkitError | None:
    """Return the error where a worker has ended because it ran the script again."""
    if all(worker.exitcode != EXIT_CODE for worker in workers):
        return None
    file = getattr(sys.modules["__main__"], "__file__", None)
    script = Path(file).name if file else "the script"
    return LmkitError(
        f'{script} calls lmkit outside of `if __name__ == "__main__":`, and each worker process '
        "runs the script again: put the calls below that line, or give workers=1",
        "see examples/quickstart.py",
    )
