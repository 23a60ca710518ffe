"""Runs of lmkit, in processes of their own, that are killed where one wants it."""

import signal
import subprocess
import sys

DYING = """
import os, signal, sys
from lmkit.artifacts.tasks import TaskWriter
from lmkit.cli import main
step, number = sys.argv[1], int(sys.argv[2])
finish = TaskWriter.finish
def die(self):
    if (self.step, self.number) == (step, number):
        os.kill(os.getpid(), signal.SIGKILL)
    return finish(self)
TaskWriter.finish = die
sys.exit(main(sys.argv[3:]))
"""


def dies_in(step: str, number: int, *command: str) -> None:
    """Run a command until a task has written all but its receipt, and kill it there."""
    dead = subprocess.run([sys.executable, "-c", DYING, step, str(number), *command])
    assert dead.returncode == -signal.SIGKILL, step


def goes_on(*command: str) -> str:
    """Run a command to its end, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "lmkit", *command], check=True, stderr=subprocess.PIPE, text=True
    )
    return done.stderr
