import signal
import subprocess
import sys
import threading
import time

import pytest

from lmkit.training.distributed.stall_watch import Heartbeat, Watch, stalled


class Checks:
    """In place of the event that ends a watch: the watch checks when a test lets it."""

    def __init__(self) -> None:
        self._is_over = False
        self._allowed, self._begun = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, seconds: float) -> bool:
        assert seconds == 0.1
        self._begun.release()
        self._allowed.acquire()
        return self._is_over

    def set(self) -> None:
        self._is_over = True
        self._allowed.release()

    def happen(self, checks: int) -> None:
        """Let the watch check so often."""
        for _ in range(checks):
            assert self._begun.acquire(timeout=60)
            self._allowed.release()

    def are_over(self) -> None:
        """Wait until the last check has ended."""
        assert self._begun.acquire(timeout=60)
        self._begun.release()


def test_a_stalled_process_is_named_and_an_active_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages: list[str] = []
    ended = threading.Event()

    def end(message: str) -> None:
        messages.append(message)
        ended.set()

    watch, checks = Watch(0.4, end=end), Checks()
    monkeypatch.setattr(watch, "_over", checks)
    with watch:
        for step in range(1, 9):
            watch.beat(step, "computing")
            checks.happen(4)
            checks.are_over()
        watch.beat(9, "reading sequences")
        checks.happen(5)  # the first sees the beat
        checks.are_over()
        assert not messages
        checks.happen(1)
        assert ended.wait(60)
    assert messages == ["no progress for 0.4 s: this process has been reading sequences for step 9"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")
def test_time_in_which_a_process_is_stopped_is_no_stall() -> None:
    code = (
        "import sys; from lmkit.training.distributed.stall_watch import Watch\n"
        "with Watch(4) as watch:\n"
        "    watch.beat(1, 'computing'); print('ready', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout and process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.5)  # for a check
        process.communicate(b"\n", timeout=60)
    assert process.returncode == 0


def test_a_process_that_reads_or_lags_is_named() -> None:
    heartbeats = {
        0: Heartbeat(8, "computing"),
        1: Heartbeat(7, "saving"),
        2: Heartbeat(8, "computing"),
    }
    assert stalled(heartbeats, 0, 60).endswith("process 1 has been saving for step 7")
    heartbeats[2] = Heartbeat(8, "reading sequences")
    assert stalled(heartbeats, 0, 60).endswith("process 2 has been reading sequences for step 8")


def test_there_is_no_watch_where_it_is_off() -> None:
    with Watch(None) as watch:
        watch.beat(1, "computing")
        assert threading.active_count() == threading.active_count()
        assert not [thread for thread in threading.enumerate() if thread.name == "watch"]


def test_a_stalled_process_ends_with_1() -> None:
    code = (
        "import time; from lmkit.training.distributed.stall_watch import Watch\n"
        "watch = Watch(0.2); watch.beat(3, 'computing')\n"
        "with watch: time.sleep(600)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Error: no progress for 0.2 s: this process has been computing for step 3" in (
        done.stderr
    )
    assert "resumes from the last checkpoint" in done.stderr and "Traceback" not in done.stderr
