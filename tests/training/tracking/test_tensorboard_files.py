import math
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from lmkit.training.tracking.registry import TrackedRun
from lmkit.training.tracking.tensorboard_files import TensorBoardFiles


def board(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    return found


def scalars(run: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in board(run).Scalars(tag)]


def test_numbers_of_every_step_are_thinned_and_measurements_are_not(tmp_path: Path) -> None:
    tracker = TensorBoardFiles(TrackedRun(tmp_path, log_every=2))
    for step in range(1, 6):
        tracker.log(step, {"train/loss": step / 2} | ({"validation/web": 1.5} if step == 3 else {}))
    tracker.close()
    assert scalars(tmp_path, "train/loss") == [(2, 1.0), (4, 2.0)]
    assert scalars(tmp_path, "validation/web") == [(3, 1.5)]


def test_the_lowest_validation_loss_has_a_curve_that_a_nan_does_not_end(tmp_path: Path) -> None:
    tracker = TensorBoardFiles(TrackedRun(tmp_path))
    for step, loss in enumerate([3.0, 2.0, math.nan, 2.5], start=1):
        tracker.log(step, {"validation/loss": loss})
    tracker.close()
    lowest = scalars(tmp_path, "validation/best_loss")
    assert lowest == [(1, 3.0), (2, 2.0), (3, 2.0), (4, 2.0)]


def test_options_are_hyperparameters_of_this_run_and_not_of_one_below_it(tmp_path: Path) -> None:
    options = {"optim.lr": 0.25, "steps": 7, "objective": "clm", "hours": None, "eval.every": [1]}
    tracker = TensorBoardFiles(TrackedRun(tmp_path, options=options))
    tracker.log(1, {"validation/loss": 2.0})
    tracker.close()
    assert [path.is_file() for path in (tmp_path / "tensorboard").iterdir()] == [True]
    metadata = board(tmp_path).summary_metadata
    content = metadata["_hparams_/session_start_info"].plugin_data.content
    found = HParamsPluginData.FromString(content).session_start_info.hparams
    assert found["optim.lr"].number_value == 0.25 and found["steps"].number_value == 7
    assert found["objective"].string_value == "clm" and found["hours"].string_value == "none"
    content = metadata["_hparams_/experiment"].plugin_data.content
    metrics = HParamsPluginData.FromString(content).experiment.metric_infos
    assert {each.name.tag for each in metrics} == {
        *("validation/loss", "validation/best_loss", "train/loss")
    }


def test_without_options_there_are_no_hyperparameters(tmp_path: Path) -> None:
    TensorBoardFiles(TrackedRun(tmp_path)).close()
    assert not board(tmp_path).summary_metadata


def test_a_run_that_resumes_has_one_event_file(tmp_path: Path) -> None:
    for _ in range(2):
        tracker = TensorBoardFiles(TrackedRun(tmp_path))
        tracker.log(1, {"train/loss": 1.0})
        tracker.add_text("samples/0", "a text", 1)
        tracker.flush()
        tracker.close()
    assert scalars(tmp_path, "train/loss") == [(1, 1.0)]
    assert len(board(tmp_path).Tensors("samples/0/text_summary")) == 1
