import json
import shutil
from pathlib import Path

import pytest

from lmkit.artifacts.finished_folders import finished_manifest
from lmkit.commands.plan.finished_runs import earlier_runs, finished_run
from lmkit.commands.plan.planned_data import PlannedData
from lmkit.errors import InputError
from tests.conftest import manifest


def test_a_run_shows_its_size_its_tokens_and_its_last_loss(packed: Path, trained: Path) -> None:
    data = PlannedData.at((packed,), None, Path("unused"))
    opened, recorded = finished_manifest(trained), manifest(trained)
    assert opened is not None
    found = finished_run(trained, opened, data)
    assert found.loss == recorded["details"]["validation_loss"]
    assert found.parameters == recorded["details"]["parameters"]
    assert found.tokens == recorded["counts"]["more"]["tokens"] and found.steps == 8
    assert (found.layers, found.hidden_size) == (2, 64)
    assert found.effective_tokens == found.tokens  # less than an epoch
    assert 0 < found.training_seconds < found.seconds


def test_only_runs_on_the_same_data_and_objective_are_compared(packed: Path, trained: Path) -> None:
    data = PlannedData.at((packed,), None, Path("unused"))
    found, inputs = earlier_runs([trained], data, "clm")
    assert len(found) == 1 and inputs[0].records[0].path == str(trained)
    with pytest.raises(InputError, match="--objective clm, and this is mlm"):
        earlier_runs([trained], data, "mlm")
    other = PlannedData.at((packed.parent / "packed",), None, Path("unused"))
    assert earlier_runs([trained], other, "clm")[0] == found


@pytest.mark.parametrize(
    ("name", "damaged"),
    [("tokens", "x"), ("tokens", 10**30), ("tokens_per_second", 0), ("tokens_per_second", [])],
)
def test_impossible_numbers_of_a_run_are_an_error(
    packed: Path, trained: Path, tmp_path: Path, name: str, damaged: object
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    metrics = run / "metrics.jsonl"
    *lines, last = metrics.read_text().splitlines()
    metrics.write_text("\n".join([*lines, json.dumps(json.loads(last) | {name: damaged})]) + "\n")
    opened = finished_manifest(run)
    assert opened is not None
    data = PlannedData.at((packed,), None, Path("unused"))
    with pytest.raises(InputError, match="they don't fit, or hold an impossible number"):
        finished_run(run, opened, data)


@pytest.mark.parametrize(("name", "damaged"), [("parameters", 0), ("validation_loss", 1e300)])
def test_impossible_results_of_a_run_are_an_error(
    packed: Path, trained: Path, name: str, damaged: float
) -> None:
    opened = finished_manifest(trained)
    assert opened is not None
    other = opened.model_copy(update={"details": opened.details | {name: damaged}})
    with pytest.raises(InputError, match="they don't fit, or hold an impossible number"):
        finished_run(trained, other, PlannedData.at((packed,), None, Path("unused")))
