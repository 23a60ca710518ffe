from lmkit.model.context_length import context_length
from lmkit.model.options import ModelConfig


def test_scaled_positions_reach_further_than_what_was_trained() -> None:
    scaled = {"rotary_scaling": "llama3", "rotary_factor": 8.0, "rotary_original_length": 64}
    assert context_length(ModelConfig.model_validate(scaled), 32) == 512
    assert context_length(ModelConfig.model_validate(scaled), 1_024) == 1_024
    linear = ModelConfig.model_validate({"rotary_scaling": "linear", "rotary_factor": 2.0})
    assert context_length(linear, 32) == 32
