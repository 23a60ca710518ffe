from typing import Any

import pytest

from lmkit.model.default_parts import with_qk_norm
from lmkit.model.options import ModelConfig


@pytest.mark.parametrize(
    "typed", [{}, {"layers": 2, "hidden_size": 64, "heads": 4, "kv_heads": 2}], ids=str
)
def test_a_decoder_of_which_nothing_says_otherwise_normalizes_queries_and_keys(
    typed: dict[str, Any],
) -> None:
    model = ModelConfig.model_validate(typed)
    assert with_qk_norm(model).qk_norm and not with_qk_norm(model, default=False).qk_norm


@pytest.mark.parametrize(
    "typed",
    [
        {"qk_norm": False},
        {"preset": "llama-15m"},
        {"preset": "llama-15m", "layers": 2},
        {"architecture": "encoder"},
        {"architecture": "encoder-decoder", "position": "relative"},
        {"position": "learned"},
        {"activation": "gelu"},
        {"norm": "layernorm"},
        {"window": 8},
        {"biases": True},
        {"rotary_fraction": 0.5},
    ],
    ids=str,
)
def test_another_family_remains_of_that_family(typed: dict[str, Any]) -> None:
    model = ModelConfig.model_validate(typed)
    assert with_qk_norm(model) == model and not model.qk_norm
