"""Llama, Mistral, Qwen2, Qwen3 and OLMo 2: logits are those of Transformers."""

from pathlib import Path

import pytest

from lmkit.huggingface.registry import family_of
from lmkit.model.options import ModelConfig
from tests.huggingface.models import (
    LLAMA3,
    OLMO2,
    YARN,
    check_logits,
)

QWEN2: dict[str, object] = {"attention_biases": "qkv", "kv_heads": 2}
OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("LlamaForCausalLM", {"kv_heads": 2}),
    (
        "LlamaForCausalLM",
        {"kv_heads": 1, "tie_embeddings": False, "biases": True, "activation": "geglu"},
    ),
    ("LlamaForCausalLM", {"head_dim": 12, "rotary_base": 500_000.0, "activation": "geglu-tanh"}),
    ("LlamaForCausalLM", {"attention_biases": "all"}),
    ("LlamaForCausalLM", {"biases": True, "attention_biases": "off"}),
    ("LlamaForCausalLM", LLAMA3),
    (
        "LlamaForCausalLM",
        {**LLAMA3, "rotary_slow_rotations": 0.5, "rotary_fast_rotations": 2.0},
    ),
    ("LlamaForCausalLM", YARN),
    (
        "LlamaForCausalLM",
        {
            **{**YARN, "rotary_fast_rotations": 4.0, "rotary_whole_pairs": False},
            **{"rotary_attention_factor": 1.3, "head_dim": 16},
        },
    ),
    ("LlamaForCausalLM", {"rotary_scaling": "linear", "rotary_factor": 3.0}),
    ("MistralForCausalLM", {"window": 6, "kv_heads": 2}),
    ("MistralForCausalLM", {"window": 4, "head_dim": 12, "tie_embeddings": False, **YARN}),
    ("MistralForCausalLM", {"hidden_size": 36, "heads": 5, "head_dim": 8}),
    ("Qwen2ForCausalLM", QWEN2),
    ("Qwen2ForCausalLM", {**QWEN2, "tie_embeddings": False, "head_dim": 12}),
    ("Qwen2ForCausalLM", {**QWEN2, "window": 6, "global_every": 2, **YARN}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "kv_heads": 2}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "kv_heads": 2, "head_dim": 12, "tie_embeddings": False}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "window": 6, "global_every": 2}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "window": 6, "attention_biases": "all"}),
    ("Olmo2ForCausalLM", OLMO2),
    ("Olmo2ForCausalLM", {**OLMO2, "attention_biases": "all", "kv_heads": 4, **LLAMA3}),
    ("Olmo2ForCausalLM", {**OLMO2, "head_dim": 12, "tie_embeddings": False, "norm_eps": 1e-3}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_logits(name: str, options: dict[str, object], tmp_path: Path) -> None:
    check_logits(name, options, tmp_path / "hf")


def test_a_mistral_without_a_window_is_a_llama() -> None:
    windowed = ModelConfig(window=8)
    assert family_of(windowed).model_type == "mistral"
    assert family_of(windowed.model_copy(update={"window": None})).model_type == "llama"
