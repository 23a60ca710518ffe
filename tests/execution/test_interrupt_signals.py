import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lmkit.execution import interrupt_signals
from lmkit.execution.interrupt_signals import deferred, handled, raising, was_interrupted


def send(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", interrupt_signals.SIGNALS)
def test_the_first_signal_raises_and_the_others_are_recorded(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with handled(until_exit=False):
        with pytest.raises(KeyboardInterrupt), raising():
            assert not was_interrupted()
            send(number)
        assert was_interrupted()
        with pytest.raises(KeyboardInterrupt), raising():
            pytest.fail("a signal has come")
        send(number)  # outside of `raising`
    assert signal.getsignal(number) == before


def test_each_command_begins_without_a_signal() -> None:
    with handled(until_exit=False):
        send()
        assert was_interrupted()
    with handled(until_exit=False), raising():
        assert not was_interrupted()


def test_a_signal_raises_where_what_must_be_finished_ends() -> None:
    steps: list[str] = []
    with handled(until_exit=False):
        with pytest.raises(KeyboardInterrupt), raising():
            with deferred():
                send()
                steps.append("finished")
            pytest.fail("a signal has come")
        with deferred():  # on the way out
            steps.append("closed")
    assert steps == ["finished", "closed"]


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with handled(until_exit=False), raising():
            send(signal.SIGINT)
            assert not was_interrupted()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_forked_process_ends_as_others_do_and_its_parent_goes_on() -> None:
    with handled(until_exit=False), raising():
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.write(writer, b"ready")
            time.sleep(60)
            os._exit(0)
        os.read(reader, 5)
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM
        assert not was_interrupted()


PATCHED = """
import importlib, os, signal, sys, threading
from lmkit.execution import forced_end, interrupt_signals

def patch(where, when, error):
    where, _, within = where.partition("<")
    module, _, path = where.partition(":")
    *outer, name = path.split(".")
    place, calls = importlib.import_module(module), []
    for each in outer:
        place = getattr(place, each)
    real = getattr(place, name)
    def patched(*arguments, **named):
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or calls or within and within not in callers():
            return real(*arguments, **named)
        calls.append(1)
        if when == "before":
            stop(error)
        result = real(*arguments, **named)
        if when == "after":
            stop(error)
        return result
    setattr(place, name, patched)

def callers():
    frame, names = sys._getframe(2), []
    while frame:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names

def stop(error):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        if error == "KeyboardInterrupt":
            raise
    if not interrupt_signals.was_interrupted():
        raise SystemError("no signal has come")
    if error in ERRORS:
        raise ERRORS[error] from None

ERRORS = {
    "RuntimeError": RuntimeError("release unlocked lock"),
    "ImportError": ImportError("initialization failed"),
    "BrokenPipeError": BrokenPipeError(32, "Broken pipe"),
    "EOFError": EOFError(),
    "SystemExit": SystemExit(1),
    "PanicException": type("PanicException", (BaseException,), {})("a lock is poisoned"),
}
if __name__ == "__main__":
    patch(*sys.argv[1:4])
    if not sys.argv[3]:  # the signal is lost, and the work may take its time
        forced_end.GRACE_SECONDS = 600
    del sys.argv[1:4]
    from lmkit.cli import main
    sys.exit(main())
"""
"""A command in which the signal comes before or after the first call of a function by the main
thread, and is turned into an error."""
MOMENTS = [
    ("threading:Condition._release_save", "after", "KeyboardInterrupt"),
    ("threading:Condition._release_save<as_completed", "after", "KeyboardInterrupt"),
    ("threading:Condition._acquire_restore<as_completed", "before", "KeyboardInterrupt"),
    ("multiprocessing.forkserver:connect_to_new_process", "before", "EOFError"),
    ("multiprocessing.forkserver:connect_to_new_process", "after", "KeyboardInterrupt"),
    ("multiprocessing.process:BaseProcess.start", "before", "KeyboardInterrupt"),
    ("multiprocessing.process:BaseProcess.start", "after", "KeyboardInterrupt"),
    ("concurrent.futures:ProcessPoolExecutor.submit", "after", "BrokenPipeError"),
    ("concurrent.futures:ProcessPoolExecutor.shutdown", "before", "KeyboardInterrupt"),
    ("concurrent.futures:ProcessPoolExecutor.shutdown", "after", "RuntimeError"),
    ("lmkit.execution.pool:start_fork_server", "before", "ImportError"),
    ("lmkit.execution.pool:start_fork_server", "after", "SystemExit"),
    ("lmkit.execution.pool:_submitted", "after", "KeyboardInterrupt"),
    ("lmkit.execution.pool:WorkerMeter", "before", "PanicException"),
    ("lmkit.cli:_app", "before", "KeyboardInterrupt"),
]
"""Moments in the life of a pool, and what KeyboardInterrupt may become there."""


def run_patched(folder: Path, *typed: str) -> subprocess.CompletedProcess[str]:
    script = folder / "patched.py"
    script.write_text(PATCHED)
    return run(script, *typed)


def run(script: Path, *typed: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, str(script), *typed],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.parametrize(("where", "when", "error"), MOMENTS)
def test_whenever_a_signal_comes_the_command_is_interrupted(
    where: str, when: str, error: str, raw: Path
) -> None:
    typed = ["clean", str(raw), "--output", "out", "--workers", "2", "--shard-bytes", "1"]
    ended = run_patched(raw.parent, where, when, error, *typed)
    assert ended.returncode == 130, ended.stderr
    assert "Error: interrupted" in ended.stderr and "Traceback" not in ended.stderr
    assert not Path("out/manifest.json").exists()


def test_a_signal_while_an_error_is_printed_is_an_interrupt(raw: Path) -> None:
    ended = run_patched(
        raw.parent, "lmkit.cli:_fail", "before", "KeyboardInterrupt", "clean", "no", "--output", "o"
    )
    assert ended.returncode == 130 and "Error: interrupted" in ended.stderr, ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_command_that_ends_well_in_spite_of_a_signal_has_ended_well(raw: Path) -> None:
    """As where it comes while Python runs a destructor, whose errors nothing gets."""
    typed = ["clean", str(raw), "--output", "out", "--workers", "1"]
    ended = run_patched(raw.parent, "lmkit.cli:_import_in_advance", "before", "", *typed)
    assert ended.returncode == 0 and Path("out/manifest.json").exists()


FIRST_THE_WORKERS = """
import multiprocessing, os, signal, sys, threading, time
from multiprocessing import forkserver
from lmkit.artifacts import tasks
from lmkit.cli import main
from lmkit.execution import pool

def end_all():
    while len(children := multiprocessing.active_children()) < 2:
        time.sleep(0.01)
    server = forkserver._forkserver._forkserver_pid if also == "server" else None
    for process in filter(None, [server, *(child.pid for child in children)]):
        os.kill(process, signal.SIGTERM)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGTERM)

def wait(*_, **__):
    threading.Thread(target=end_all, daemon=True).start()
    pool.map_tasks(time.sleep, [60, 60], workers=2, label="x")

if __name__ == "__main__":
    also = sys.argv.pop()
    pool.SECONDS_FOR_SIGNAL = 30
    tasks.map_tasks = wait
    sys.exit(main())
"""


@pytest.mark.parametrize("also", ["server", "none"])
def test_workers_that_a_batch_system_ends_first_are_no_failure(raw: Path, also: str) -> None:
    script = raw.parent / "script.py"
    script.write_text(FIRST_THE_WORKERS)
    ended = run(script, "clean", str(raw), "--output", "out", "--workers", "2", also)
    assert ended.returncode == 130, ended.stderr
    assert "Error: interrupted" in ended.stderr and "Traceback" not in ended.stderr
