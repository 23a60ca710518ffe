import re
from pathlib import Path

import pytest

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.errors import ConfigError
from lmkit.extras import installation
from lmkit.training.tracking.registry import CHOICES, TRACKERS, TrackedRun, Tracker, refuse_missing
from tests.training.tracking.stand_ins import WANDB, stand_in


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_is_read_without_its_package(name: str) -> None:
    tracker = TRACKERS[name].load()
    assert {"log", "add_text", "flush", "close"} <= set(dir(tracker))


@pytest.mark.parametrize("name", TRACKERS)
def test_a_run_may_hold_the_folder_of_every_tracker(name: str) -> None:
    file = f"{name}/events.out.tfevents.1"
    assert any(re.fullmatch(pattern, file) for pattern in PretrainConfig.output_patterns)


def test_a_missing_package_is_an_error_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(__import__("sys").modules, "wandb", raising=False)
    (tmp_path / "wandb" / "offline-run-1").mkdir(parents=True)  # W&B's own folder is no package
    with pytest.raises(ConfigError, match="--track wandb: the Python package wandb") as error:
        refuse_missing("wandb")
    assert error.value.hint == f"{installation('wandb')}; or leave out --track"


def test_an_installed_package_and_no_tracker_are_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, tmp_path, "wandb", WANDB)
    refuse_missing("wandb")
    refuse_missing(None)


def test_a_tracker_may_ignore_all_but_numbers() -> None:
    class Numbers(Tracker):
        def log(self, step: int, values: object) -> None:
            pass

    tracker = Numbers()
    tracker.add_text("samples/0", "text", 1)
    tracker.flush()
    tracker.close()


def test_what_is_always_on_is_no_choice() -> None:
    assert "tensorboard" not in CHOICES and TrackedRun(Path("run")).chosen is None
