from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.config_values import load
from lmkit.errors import ConfigError
from lmkit.model.options import ModelConfig


def made(**flags: Any) -> PretrainConfig:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return load(PretrainConfig, None, {"output": "run", **named})


@pytest.mark.parametrize(
    ("objective", "architecture"),
    [
        ("clm", "decoder"),
        ("mlm", "encoder"),
        ("plm", "encoder"),
        ("span-corruption", "encoder-decoder"),
    ],
)
def test_an_objective_implies_the_architecture(objective: str, architecture: str) -> None:
    config = made(objective=objective, model__layers="3")
    assert (config.model.architecture, config.model.layers) == (architecture, 3)


@pytest.mark.parametrize(
    ("option", "value", "objective"),
    [
        ("model__architecture", "encoder", "mlm"),
        ("model__architecture", "encoder-decoder", "span-corruption"),
        ("model__preset", "bert-base", "mlm"),
        ("model__preset", "t5-small", "span-corruption"),
        ("model__preset", "gpt2-small", "clm"),
        ("model__preset", "llama-15m", "clm"),
    ],
)
def test_an_architecture_or_a_preset_implies_the_objective(
    option: str, value: str, objective: str
) -> None:
    assert made(**{option: value}).objective == objective


def test_what_is_typed_stays_and_what_disagrees_is_refused() -> None:
    config = made(objective="plm", model__preset="xlnet-base")
    assert (config.objective, config.model.architecture) == ("plm", "encoder")
    assert (made().objective, made().model.architecture) == ("clm", "decoder")
    with pytest.raises(ConfigError, match="goes with"):
        made(objective="mlm", model__preset="llama-15m")
    with pytest.raises(ValidationError, match="goes with"):
        PretrainConfig.model_validate(
            {"output": "run", "objective": "mlm", "model": {"architecture": "decoder"}}
        )


def test_it_holds_in_python_too_and_what_is_recorded_is_read_back() -> None:
    config = PretrainConfig(output=Path("run"), model=ModelConfig(preset="tiny-encoder"))
    assert config.objective == "mlm"
    again = PretrainConfig.model_validate(config.model_dump(mode="json"))
    assert (again.objective, again.model.architecture) == ("mlm", "encoder")


def test_with_another_model_to_begin_with_nothing_is_implied() -> None:
    config = made(objective="mlm", init_from="other")
    assert config.model.architecture == "decoder"  # resolved from the other model later
