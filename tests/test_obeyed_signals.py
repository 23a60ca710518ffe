"""SIGTERM ends every command within seconds, also while a library computes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import SMALL_RUN, prose
from tests.execution.test_pool import wait_until

COMPUTES = """
import hashlib, importlib, sys
from lmkit.cli import main
from lmkit.execution import forced_end

def for_ever(*_, **__):
    print("computing", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

if __name__ == "__main__":
    forced_end.GRACE_SECONDS = 0.5
    module, _, name = sys.argv.pop(1).partition(":")
    setattr(importlib.import_module(module), name, for_ever)
    sys.exit(main())
"""
"""A command of which a function is a library that computes for ever."""

RUN = "lmkit.commands.{}.run:"
COMMANDS = {
    "report run --output report": RUN.format("report") + "report_files",
    "generate run --prompt a": RUN.format("generate") + "open_model",
    "generate run --prompts prompts.txt": RUN.format("generate") + "check_prompts",
    "export run --output hf": RUN.format("export") + "check",
    "export packed --output bin --workers 1": RUN.format("export") + "write_tokens",
    "inspect run": RUN.format("inspect") + "open_folder",
    "inspect packed run": RUN.format("inspect") + "comparison_sections",
    "pretrain packed --output new --dry-run": RUN.format("pretrain") + "dry_run",
    "pretrain packed --output new": RUN.format("pretrain") + "resolve",
    "pipeline pipeline.toml": RUN.format("inspect") + "open_folder",
    "train-classifier a.jsonl b.jsonl --output classifier --workers 1": RUN.format(
        "train_classifier"
    )
    + "fit",
    "doctor": "lmkit.commands.doctor.run:shown",
    "eval run --data packed": RUN.format("eval") + "open_model",
    "dedup a.jsonl --output dedup --workers 1": RUN.format("dedup") + "open_output",
}
"""Commands, and the function of each that takes long."""


@contextmanager
def started(typed: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """Hand out a command that computes."""
    process = subprocess.Popen(
        [sys.executable, *typed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path]), "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("command", COMMANDS)
def test_sigterm_ends_a_command_while_a_library_computes(
    command: str, here: Path, packed: Path, trained: Path
) -> None:
    Path("run").symlink_to(trained)
    Path("packed").symlink_to(packed)
    Path("prompts.txt").write_text("a\n")
    Path("pipeline.toml").write_text('[[stage]]\ncommand = "inspect"\nfolder = "run"\n')
    for name, texts in (("a.jsonl", prose(60)[:30]), ("b.jsonl", prose(60)[30:])):
        Path(name).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    script = Path("script.py")
    script.write_text(COMPUTES)
    typed = command.split()
    if typed[0] == "pretrain":
        typed += [*SMALL_RUN, "--steps", "2"]
    with started([str(script), COMMANDS[command], *typed]) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line == "computing\n", process.stderr and process.stderr.read()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Error: " in err and "interrupted" in err and "Traceback" not in err


SLOW_EXIT = """
import sys, threading, time
from lmkit import cli
from lmkit.execution import forced_end

def leaves_a_thread(*_, **__):
    threading.Thread(target=time.sleep, args=(600,)).start()
    print("begun", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    forced_end.GRACE_SECONDS = 0.5
    cli._run_and_print = leaves_a_thread
    sys.exit(cli.main())
"""


def test_a_thread_that_is_left_does_not_keep_an_interrupted_command(here: Path) -> None:
    Path("script.py").write_text(SLOW_EXIT)
    with started(["script.py", "inspect", "x"]) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert err.count("Error: interrupted") == 1


IN_C = """
import ctypes, os, signal, sys
from lmkit import cli

def runs_python_in_c(*_, **__):
    run = ctypes.pythonapi.PyRun_String
    run.restype = ctypes.py_object
    run.argtypes = ctypes.c_char_p, ctypes.c_int, ctypes.py_object, ctypes.py_object
    run(b"import os, signal; os.kill(os.getpid(), signal.SIGTERM); 1 / 0", 257, {}, {})

if __name__ == "__main__":
    cli._run_and_print = runs_python_in_c
    sys.exit(cli.main())
"""


def test_an_interrupt_of_python_code_that_a_library_runs_has_the_same_code(here: Path) -> None:
    Path("script.py").write_text(IN_C)
    with started(["-m", "script", "inspect", "x"]) as process:
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err.count("Error: interrupted")) == (130, 1)


def test_a_signal_after_the_work_ends_python_at_once(here: Path) -> None:
    Path("script.py").write_text(SLOW_EXIT.replace("    time.sleep(600)\n\n", "\n"))
    with started(["script.py", "inspect", "x"]) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        status = Path(f"/proc/{process.pid}/status")
        if status.exists():
            wait_until(lambda: not handles(status, signal.SIGTERM))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=300)
            assert process.returncode == -signal.SIGTERM


def handles(status: Path, number: int) -> bool:
    """Return whether a process has a handler of its own for a signal."""
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)
