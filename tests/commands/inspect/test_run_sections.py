import json
from pathlib import Path

import pytest

from tests.commands.inspect.folders import inspect, run_folder
from tests.conftest import Lmkit


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_shows_its_losses_finished_or_not(here: Path, lmkit: Lmkit, finished: bool) -> None:
    found = inspect(lmkit, run_folder(finished))
    assert found["run"]["step"] == 20 and found["run"]["best_validation_loss"] == 2.5
    assert found["run"]["parameters"] == 50
    assert found["model"] == {"layers": 6, "objective": "clm"}
    assert [line["step"] for line in found["last_steps"]] == [16, 17, 18, 19, 20]
    assert ("state" in found["made"]) is not finished


def test_a_run_shows_its_last_scores_and_texts(here: Path, lmkit: Lmkit) -> None:
    run = run_folder(finished=False)
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 21, "tasks": {"cloze": {"acc": 0.5}}}) + "\n")
    sample = {"step": 21, "prompt": "a", "text": "a \x1b[31m" + 999 * "b", "ended": False}
    (run / "samples.jsonl").write_text(json.dumps(sample) + "\n")
    found = inspect(lmkit, run)
    assert found["tasks"] == [{"step": 21, "task": "cloze", "acc": 0.5}]
    assert found["last_samples"][0]["text"].endswith("bbb ...")
    assert found["last_steps"][-1] == {"step": 21}
    out = lmkit("inspect", run)[1]
    assert "cloze" in out and "\\x1b[31mb" in out and "\x1b" not in out


def test_a_single_checkpoint_is_shown(here: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, run_folder(finished=True) / "checkpoints" / "step-00000020")
    assert (found["made"]["step"], found["made"]["parameters"]) == (20, 50)
    assert found["state"]["validation_loss"] == 2.5
    assert len(found["outputs"]) == 3 and not found["problems"]


def test_a_checkpoint_with_a_damaged_list_of_files_is_reported_as_damaged(
    here: Path, lmkit: Lmkit
) -> None:
    Path("manifest.json").write_text(json.dumps({"format": 2, "step": 1, "outputs": [{"name": 3}]}))
    exit_code, _, err = lmkit("inspect", ".")
    assert exit_code == 2 and "manifest.json: damaged" in err
