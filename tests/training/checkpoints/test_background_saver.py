import threading

import pytest

from lmkit.training.checkpoints.background_saver import Saver


def test_writing_is_in_the_background_and_in_order() -> None:
    written: list[int] = []
    gate = threading.Event()
    with Saver(pytest.fail) as saver:
        saver.begin(lambda: (gate.wait(10), written.append(1)))
        assert written == []
        gate.set()
        saver.begin(lambda: written.append(2))  # waits for the first
        assert written[0] == 1
    assert written == [1, 2]


def test_a_full_disk_is_reported_once_and_anything_else_is_raised() -> None:
    told: list[str] = []

    def full() -> None:
        raise OSError(28, "No space left on device")

    def broken() -> None:
        raise ValueError("a bug")

    with Saver(lambda error: told.append(str(error.strerror))) as saver:
        saver.begin(full)
        saver.wait()
        saver.wait()
    assert told == ["No space left on device"]
    with pytest.raises(ValueError, match="a bug"), Saver(pytest.fail) as saver:
        saver.begin(broken)


def test_a_started_save_is_finished_after_an_error() -> None:
    written: list[int] = []
    with pytest.raises(KeyboardInterrupt), Saver(pytest.fail) as saver:
        saver.begin(lambda: written.append(1))
        raise KeyboardInterrupt
    assert written == [1]
