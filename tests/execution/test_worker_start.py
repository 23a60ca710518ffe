import subprocess
import sys
from pathlib import Path

import pytest

from lmkit.execution.fork_server import AVAILABLE

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="workers are spawned on this system")

START = """
import os, sys
from multiprocessing import forkserver, get_context
from lmkit.execution.fork_server import start_fork_server

def read():
    return open("missing")

kept = []

class Unreadable:
    def __reduce__(self):
        return read, ()

def start(what):
    context = get_context("forkserver")
    if what == "nothing":  # its parent was killed before it sent anything
        sentinel, sends = forkserver.connect_to_new_process([])
        os.close(sends)
        forkserver.read_signed(sentinel)
        return forkserver.read_signed(sentinel)
    lock = context.Lock()
    kept.append(lock)
    worker = context.Process(target=print, args=(Unreadable() if what == "argument" else lock,))
    if what == "lock":  # the pool was taken down
        lock._cleanup(lock._semlock.name)
    worker.start()
    worker.join()
    if what == "whole":
        lock._cleanup(lock._semlock.name)
    return worker.exitcode

if __name__ == "__main__":
    start_fork_server([])
    print("exit code", start(sys.argv[1]), flush=True)
    os._exit(0)
"""


def started(what: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(START)
    return subprocess.run(
        [sys.executable, str(script), what], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.parametrize("what", ["nothing", "lock"])
def test_a_worker_whose_parent_or_pool_has_ended_ends_silently(what: str, tmp_path: Path) -> None:
    run = started(what, tmp_path)
    assert (run.stdout, run.stderr) == ("exit code 1\n", "")


def test_what_is_not_about_the_parent_is_shown(tmp_path: Path) -> None:
    run = started("argument", tmp_path)
    assert "exit code 1" in run.stdout
    assert "Traceback" in run.stderr and "No such file or directory: 'missing'" in run.stderr


def test_a_worker_that_gets_everything_runs(tmp_path: Path) -> None:
    run = started("whole", tmp_path)
    assert "<Lock(owner=" in run.stdout and "exit code 0" in run.stdout and not run.stderr
