"""GPT-2, Llama and Qwen3: logits are those of Transformers with the same weights."""

from pathlib import Path

import pytest

from tests.huggingface.models import GPT2, check_rows, loaded, random_model, saved_as_hf

OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("GPT2LMHeadModel", GPT2),
    ("GPT2LMHeadModel", {**GPT2, "activation": "relu", "tie_embeddings": False, "norm_eps": 1e-3}),
    ("LlamaForCausalLM", {"kv_heads": 2}),
    (
        "LlamaForCausalLM",
        {"kv_heads": 1, "tie_embeddings": False, "biases": True, "activation": "geglu"},
    ),
    ("LlamaForCausalLM", {"head_dim": 12, "rotary_base": 500_000.0, "activation": "geglu-tanh"}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "kv_heads": 2}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "kv_heads": 2, "head_dim": 12, "tie_embeddings": False}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "window": 6, "global_every": 2}),
    ("Qwen3ForCausalLM", {"qk_norm": True, "window": 6}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_logits(name: str, options: dict[str, object], tmp_path: Path) -> None:
    model = random_model(**options)
    hf_model = loaded(saved_as_hf(model, tmp_path / "hf"))
    assert type(hf_model).__name__ == name
    check_rows(model, hf_model)
