"""Runs of lmkit in separate processes that are killed at a given point.

They send the signal to themselves: a watching process would be too late on a busy machine.
"""

import signal
import subprocess
import sys
from pathlib import Path

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

SIGNALLED = """
import os, sys, time
from pathlib import Path
from lmkit.cli import main
from lmkit.training.metrics import Metrics
number, step, behind = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
append = Metrics.append
def append_and_signal(self, record):
    append(self, record)
    if record.step == step:
        while not behind.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)
Metrics.append = append_and_signal
sys.exit(main(sys.argv[4:]))
"""


def signalled(
    number: int, step: int, *command: str, after: Path = Path()
) -> "subprocess.CompletedProcess[str]":
    """Train, send a signal after a step once a file exists, and wait for the end."""
    script = [sys.executable, "-c", SIGNALLED, str(number), str(step), str(after)]
    return subprocess.run([*script, *command], capture_output=True, text=True)


def run_until_killed(step: str, number: int, *command: str, setup: str = "") -> None:
    """Run a command until a task has written everything but its receipt, and kill it there.

    Some lines of Python come first, as `setup`.
    """
    dead = subprocess.run([sys.executable, "-c", setup + DYING, step, str(number), *command])
    assert dead.returncode == -signal.SIGKILL, step


def run_to_end(*command: str, setup: str = "") -> str:
    """Run a command to its end, after some lines of Python, and return its standard error."""
    script = f"{setup}\nimport sys\nfrom lmkit.cli import main\nsys.exit(main(sys.argv[1:]))"
    start = [sys.executable, "-c", script] if setup else [sys.executable, "-m", "lmkit"]
    done = subprocess.run([*start, *command], check=True, stderr=subprocess.PIPE, text=True)
    return done.stderr
