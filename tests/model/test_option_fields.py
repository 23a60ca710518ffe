from typing import Any

import pytest

from lmkit.config import StageConfig
from lmkit.model.option_fields import ModelOptions
from lmkit.model.options import ModelConfig

OF_THE_FIRST_RUNS = {
    *("preset", "architecture", "position", "layers", "decoder_layers", "hidden_size", "heads"),
    *("kv_heads", "head_dim", "ffn_size", "activation", "norm", "norm_position", "norm_eps"),
    *("qk_norm", "biases", "tie_embeddings", "window", "global_every", "max_positions"),
    *("rotary_base", "local_rotary_base", "initialization", "dropout", "z_loss"),
}
ADDED: dict[str, dict[str, Any]] = {
    "parallel_residual": {"parallel_residual": True},
    "qk_norm_over": {"qk_norm": True, "qk_norm_over": "projection"},
    "attention_biases": {"attention_biases": "qkv"},
    "first_position": {"position": "learned", "first_position": 2},
    "ngram_length": {"ngram_length": 2},
    "ngram_rows": {"ngram_length": 2, "ngram_rows": 1_000},
    "rotary_fraction": {"rotary_fraction": 0.25},
    "rotary_factor": {"rotary_scaling": "linear", "rotary_factor": 2.0},
    "rotary_original_length": {
        **{"rotary_scaling": "llama3", "rotary_factor": 2.0, "rotary_original_length": 64},
    },
    "rotary_whole_pairs": {
        **{"rotary_scaling": "yarn", "rotary_factor": 2.0, "rotary_original_length": 64},
        "rotary_whole_pairs": False,
    },
}


def test_a_run_records_later_options_only_where_they_are_set() -> None:
    # Else a run that was begun before them would have other options than today's.
    assert ModelConfig().model_dump().keys() == OF_THE_FIRST_RUNS
    modernbert = ModelConfig(preset="modernbert-base")
    assert modernbert.model_dump(mode="json").keys() == OF_THE_FIRST_RUNS


@pytest.mark.parametrize("name", ADDED)
def test_what_is_set_is_recorded_and_read_back(name: str) -> None:
    config = ModelConfig.model_validate(ADDED[name])
    recorded = config.model_dump(mode="json")
    assert recorded[name] == getattr(config, name)
    assert ModelConfig.model_validate(recorded) == config
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


class Run(StageConfig):
    """A command with a model."""

    stage = "run"
    model: ModelConfig = ModelConfig()


def test_options_within_a_command_are_recorded_alike() -> None:
    recorded = Run.model_validate({"inputs": ["in"], "output": "out"}).model_dump()
    assert recorded["model"].keys() == OF_THE_FIRST_RUNS


def test_the_fields_are_those_of_the_model() -> None:
    assert list(ModelOptions.model_fields) == list(ModelConfig.model_fields)
