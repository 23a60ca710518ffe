from pathlib import Path
from typing import Any

import pytest

from lmkit.commands.plan.options import PlanConfig
from lmkit.commands.plan.planned_data import PlannedData
from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.errors import ConfigError
from lmkit.model.cost import parameters
from lmkit.training.planning.model_sizes import ModelSize
from tests.conftest import Lmkit

SIZE = ModelSize(layers=4, hidden_size=128, heads=2)


def planned_runs(packed: Path, **options: Any) -> PlannedRuns:
    config = PlanConfig.model_validate({"inputs": [packed], "hours": 1} | options)
    return PlannedRuns(config, PlannedData.at((packed,), None, Path("unused")), Path("scratch"))


def test_a_run_has_the_size_and_the_typed_options_and_no_learning_rate(packed: Path) -> None:
    runs = planned_runs(packed, model={"position": "alibi"}, optim={"beta2": 0.98})
    options = runs.options(SIZE, 1e8, Path("run"))
    assert (options.model.layers, options.model.hidden_size, options.model.heads) == SIZE
    assert options.model.position == "alibi" and options.optim.beta2 == 0.98
    assert options.optim.model_fields_set == {"beta2"}
    assert options.steps * options.batch_tokens == pytest.approx(1e8, rel=0.01)
    assert "schedule" not in options.model_fields_set


def test_objective_and_architecture_follow_as_in_pretrain(packed: Path) -> None:
    encoder = planned_runs(packed, model={"preset": "tiny-encoder"})
    assert encoder.has_typed_size and encoder.options(None, 1e6, Path("r")).objective == "mlm"
    masked = planned_runs(packed, objective="mlm").options(SIZE, 1e6, Path("run"))
    assert masked.model.architecture == "encoder"
    with pytest.raises(ConfigError, match="--objective"):
        wrong = planned_runs(packed, objective="mlm", model={"architecture": "decoder"})
        wrong.options(SIZE, 1e6, Path("run"))


def test_parameters_and_flops_are_those_of_the_model(packed: Path) -> None:
    runs = planned_runs(packed)
    vocabulary = runs.data.vocabulary_size
    assert runs.parameters(SIZE) == parameters(runs.model(SIZE), vocabulary)
    assert runs.vocabulary_parameters(SIZE) == 128 * vocabulary  # tied
    # Chowdhery et al. (2022): 6 per parameter, and 12 H K T per block for attention; norms don't
    # count.
    norms = 128 * (2 * 4 + 1)
    by_hand = 6 * (runs.parameters(SIZE) - norms) + 12 * 128 * 32 * 4
    assert runs.flops_per_position(SIZE) == by_hand


def test_learned_positions_are_as_many_as_sequences_need(packed: Path) -> None:
    runs = planned_runs(packed, model={"position": "learned"})
    assert runs.model(SIZE).max_positions == 32


def test_the_model_is_the_one_that_pretrain_trains(packed: Path, here: Path) -> None:
    from lmkit.commands.pretrain.resolve import resolve

    for model in ({}, {"qk_norm": False}, {"position": "learned"}, {"activation": "gelu"}):
        runs = planned_runs(packed, model=model)
        assert runs.model(SIZE) == resolve(runs.options(SIZE, 1e5, Path("run"))).model


def test_the_learning_rate_is_the_one_that_pretrain_determines(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    rate = planned_runs(packed, model={"preset": "tiny-decoder"}).learning_rate(None, 20, 256)
    command = ["pretrain", packed, "--output", "run", "--model.preset", "tiny-decoder"]
    settings = ["--device", "cpu", "--steps", "20", "--batch-tokens", "256", "--dry-run"]
    assert f"learning rate: {rate:g}, by the rule" in lmkit(*command, *settings)[2]
    typed = planned_runs(packed, optim={"lr": 0.5})
    assert typed.learning_rate(SIZE, 20, 256) == 0.5
