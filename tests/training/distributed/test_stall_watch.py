import subprocess
import sys
import threading
import time

from lmkit.training.distributed.stall_watch import Note, Watch, stalled


def test_who_moves_is_left_alone_and_who_does_not_is_named() -> None:
    said: list[str] = []
    ended = threading.Event()

    def end(message: str) -> None:
        said.append(message)
        ended.set()

    with Watch(0.4, end=end) as watch:
        for step in range(1, 9):
            watch.beat(step, "computing")
            time.sleep(0.1)
        assert not said
        watch.beat(9, "reading rows")
        assert ended.wait(10)
    assert said == ["nothing has moved for 0.4 s: this process has been reading rows for step 9"]


def test_the_one_who_reads_or_is_behind_is_named() -> None:
    notes = {0: Note(8, "computing", 0), 1: Note(7, "saving", 0), 2: Note(8, "computing", 0)}
    assert stalled(notes, 0, 60).endswith("process 1 has been saving for step 7")
    notes[2] = Note(8, "reading rows", 0)
    assert stalled(notes, 0, 60).endswith("process 2 has been reading rows for step 8")


def test_nobody_watches_where_it_is_off() -> None:
    with Watch(None) as watch:
        watch.beat(1, "computing")
        assert threading.active_count() == threading.active_count()
        assert not [thread for thread in threading.enumerate() if thread.name == "watch"]


def test_a_process_that_is_stuck_ends_with_1() -> None:
    code = (
        "import time; from lmkit.training.distributed.stall_watch import Watch\n"
        "with Watch(0.2) as watch:\n  watch.beat(3, 'computing'); time.sleep(60)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Error: nothing has moved for 0.2 s: this process has been computing for step 3" in (
        done.stderr
    )
    assert "goes on from the last checkpoint" in done.stderr and "Traceback" not in done.stderr
