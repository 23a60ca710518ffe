"""Rotary parameters have the same meaning for lmkit and Transformers, in every format."""

import json
from importlib import import_module
from typing import Any

import pytest
import torch

from lmkit.huggingface.registry import family_named
from lmkit.huggingface.rope_parameters import rope_parameters
from lmkit.model.positions.rotary import rotary_frequencies
from lmkit.model.positions.rotary_scaling import scaled_frequencies
from tests.huggingface.hf_models import transformers

LLAMA: dict[str, Any] = {
    **{"model_type": "llama", "hidden_size": 64, "intermediate_size": 48, "num_hidden_layers": 2},
    **{"num_attention_heads": 2, "max_position_embeddings": 256},
}
NEOX: dict[str, Any] = {**LLAMA, "model_type": "gpt_neox"}
YARN: dict[str, Any] = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
CONFIGS: list[dict[str, Any]] = [
    LLAMA,
    {**LLAMA, "rope_theta": 500_000.0},
    {**LLAMA, "rope_theta": 5e3, "rope_parameters": {"rope_type": "default", "rope_theta": 7e3}},
    {**LLAMA, "rope_theta": 5e3, "rope_scaling": {"type": "linear", "factor": 2.0}},
    {
        **LLAMA,
        "rope_scaling": {"type": "linear", "factor": 2.0},
        "rope_parameters": {"rope_type": "linear", "factor": 3.0},
    },
    {**LLAMA, "rope_theta": 5e5, "rope_scaling": YARN},
    {**LLAMA, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}},
    {**LLAMA, "original_max_position_embeddings": 32, "rope_scaling": YARN},
    {**LLAMA, "rope_scaling": YARN | {"beta_fast": 8, "beta_slow": 2}},
    {**LLAMA, "rope_scaling": YARN | {"attention_factor": 1.25, "truncate": False}},
    {**LLAMA, "rope_scaling": YARN | {"mscale": 0.7, "mscale_all_dim": 1.0}},
    {**LLAMA, "rope_scaling": YARN | {"mscale": 0.7}},
    {
        **LLAMA,
        "rope_scaling": {
            **{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0},
            **{"high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        },
    },
    NEOX,
    {**NEOX, "rotary_pct": 0.5, "rotary_emb_base": 5e4},
    {**NEOX, "rope_theta": 5e4, "partial_rotary_factor": 1.0},  # keys that its class doesn't read
    {**NEOX, "rope_scaling": YARN, "rotary_pct": 0.5},
]


@pytest.mark.parametrize("given", CONFIGS, ids=json.dumps)
def test_frequencies_are_those_of_transformers(given: dict[str, Any]) -> None:
    config = family_named(given, "").read(json.loads(json.dumps(given)), "config.json")
    kind = given["model_type"]
    prefix = {"llama": "Llama", "gpt_neox": "GPTNeoX"}[kind]
    hf_config = getattr(transformers, f"{prefix}Config").from_dict(json.loads(json.dumps(given)))
    modeling = import_module(f"transformers.models.{kind}.modeling_{kind}")
    expected = getattr(modeling, f"{prefix}RotaryEmbedding")(hf_config)
    frequencies_P = rotary_frequencies(config.rotary_dim, config.rotary_base, torch.device("cpu"))
    actual_P, factor = scaled_frequencies(config, frequencies_P, config.rotary_base)
    torch.testing.assert_close(actual_P, expected.inv_freq, rtol=1e-6, atol=0)
    assert factor == pytest.approx(expected.attention_scaling, rel=1e-12)


def test_what_equals_its_default_is_left_out() -> None:
    explicit: dict[str, Any] = {"rope_scaling": YARN | {"truncate": True, "attention_factor": None}}
    assert rope_parameters(explicit, 1e4) == rope_parameters({"rope_scaling": YARN}, 1e4)
