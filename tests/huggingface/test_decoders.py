"""GPT-2 and GPT-NeoX: logits are those of Transformers with the same weights."""

from pathlib import Path

import pytest

from lmkit.huggingface.checkpoint import HfCheckpoint
from lmkit.huggingface.load import weights_of
from tests.huggingface.hf_models import saved
from tests.huggingface.models import (
    GPT2,
    GPT_NEOX,
    check_logits,
)
from tests.model.tiny import VOCABULARY

OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("GPT2LMHeadModel", GPT2),
    ("GPT2LMHeadModel", {**GPT2, "activation": "relu", "tie_embeddings": False, "norm_eps": 1e-3}),
    ("GPTNeoXForCausalLM", GPT_NEOX),
    ("GPTNeoXForCausalLM", {**GPT_NEOX, "parallel_residual": False, "tie_embeddings": True}),
    ("GPTNeoXForCausalLM", {**GPT_NEOX, "attention_biases": "off", "activation": "gelu-tanh"}),
    ("GPTNeoXForCausalLM", {**GPT_NEOX, "rotary_fraction": 1.0, "rotary_base": 5e4}),
    (
        "GPTNeoXForCausalLM",
        {
            **{**GPT_NEOX, "rotary_fraction": 0.5, "rotary_scaling": "yarn"},
            **{"rotary_factor": 2.0, "rotary_original_length": 10},
        },
    ),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_logits(name: str, options: dict[str, object], tmp_path: Path) -> None:
    check_logits(name, options, tmp_path / "hf")


def test_queries_keys_and_values_of_gpt_neox_are_stored_head_by_head(tmp_path: Path) -> None:
    hf_model = saved("GPT-NeoX", tmp_path / "hf", VOCABULARY)
    weights = dict(weights_of(HfCheckpoint.at(tmp_path / "hf")))
    fused = hf_model.gpt_neox.layers[1].attention.query_key_value
    heads, head_dim = 4, 16
    for head in range(heads):
        for number, name in enumerate(("query", "key", "value")):
            first = (3 * head + number) * head_dim  # its forward: heads, then 3 parts of each
            mine = slice(head * head_dim, (head + 1) * head_dim)
            for part in ("weight", "bias"):
                expected = getattr(fused, part)[first : first + head_dim]
                assert weights[f"blocks.1.attention.{name}.{part}"][mine].equal(expected)
