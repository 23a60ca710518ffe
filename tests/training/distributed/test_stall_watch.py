import subprocess
import sys
import threading

import pytest

from lmkit.training.distributed import stall_watch as module
from lmkit.training.distributed.stall_watch import Heartbeat, Watch, stalled


class Clock:
    """A clock that a test advances, and how often the watch has read it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._looks = threading.Semaphore(0)

    def time(self) -> float:
        if threading.current_thread().name == "watch":
            self._looks.release()
        return self.now

    def passes(self, seconds: float) -> None:
        """Go on, and wait until the watch has seen it."""
        self.now += seconds
        while self._looks.acquire(blocking=False):
            pass
        for _ in range(2):  # the first check may have started before
            assert self._looks.acquire(timeout=60)


def test_a_stalled_process_is_named_and_an_active_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    messages: list[str] = []
    ended = threading.Event()

    def end(message: str) -> None:
        messages.append(message)
        ended.set()

    with Watch(0.4, end=end) as watch:
        for step in range(1, 9):
            watch.beat(step, "computing")
            clock.passes(0.15)
        assert not messages
        watch.beat(9, "reading sequences")
        clock.now += 0.5
        assert ended.wait(60)
    assert messages == ["no progress for 0.4 s: this process has been reading sequences for step 9"]


def test_a_process_that_reads_or_lags_is_named() -> None:
    heartbeats = {
        0: Heartbeat(8, "computing", 0),
        1: Heartbeat(7, "saving", 0),
        2: Heartbeat(8, "computing", 0),
    }
    assert stalled(heartbeats, 0, 60).endswith("process 1 has been saving for step 7")
    heartbeats[2] = Heartbeat(8, "reading sequences", 0)
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
