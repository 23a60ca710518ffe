from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lmkit.training.tracking import trackers as module
from lmkit.training.tracking.registry import TrackedRun, Tracker
from lmkit.training.tracking.trackers import Trackers


class Recording(Tracker):
    """Records what it gets; raises at what it is asked to."""

    fails_at: object = None

    def __init__(self, run: TrackedRun) -> None:
        self.got: list[Any] = []
        self._do("open")

    def _do(self, call: object) -> None:
        if call == self.fails_at:
            raise OSError(28, "No space left on device")
        self.got.append(call)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._do(step)

    def add_text(self, tag: str, text: str, step: int) -> None:
        self._do(tag)

    def flush(self) -> None:
        self._do("flush")

    def close(self) -> None:
        self._do("close")


def opened(
    monkeypatch: pytest.MonkeyPatch, run: Path, fails_at: object
) -> tuple[Trackers, dict[str, Recording]]:
    made: dict[str, Recording] = {}

    class Failing(Recording):
        pass

    Failing.fails_at = fails_at

    def of(name: str, kind: type[Recording]) -> SimpleNamespace:
        def make(tracked: TrackedRun) -> Recording:
            made[name] = kind(tracked)
            return made[name]

        return SimpleNamespace(load=lambda: make)

    entries = {"tensorboard": of("tensorboard", Recording), "wandb": of("wandb", Failing)}
    monkeypatch.setattr(module, "TRACKERS", entries)
    return Trackers(TrackedRun(run, chosen="wandb")), made


def use(trackers: Trackers) -> None:
    for step in (1, 2, 3):
        trackers.log(step, {"train/loss": 1.0})
    trackers.add_text("samples/0", "text", 3)
    trackers.flush()
    trackers.close()


ALL = ["open", 1, 2, 3, "samples/0", "flush", "close"]


def test_each_tracker_gets_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackers, made = opened(monkeypatch, tmp_path, None)
    use(trackers)
    assert made["tensorboard"].got == made["wandb"].got == ALL


@pytest.mark.parametrize("fails_at", ALL)
def test_a_tracker_that_fails_is_closed_with_a_warning_and_the_others_go_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fails_at: object,
) -> None:
    trackers, made = opened(monkeypatch, tmp_path, fails_at)
    use(trackers)
    assert made["tensorboard"].got == ALL
    before = ALL[: ALL.index(fails_at)]
    if "wandb" in made:
        assert made["wandb"].got == before + (["close"] if fails_at != "close" else [])
    err = capsys.readouterr().err
    assert err.count("wandb failed and gets no more") == 1
    assert "No space left on device" in err and "training continues" in err
