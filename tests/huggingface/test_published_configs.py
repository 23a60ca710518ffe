"""Config files of published models are read as models of the same size and the same parts."""

from typing import Any

import pytest
import torch

from lmkit.huggingface.registry import family_named
from lmkit.model.cost import parameters
from tests.huggingface.hf_models import transformers

LLAMA_3: dict[str, Any] = {
    **{"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0},
    **{"original_max_position_embeddings": 8192, "rope_type": "llama3"},
}
PUBLISHED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Llama-3.2-1B": (
        {
            **{"model_type": "llama", "attention_bias": False, "bos_token_id": 128000},
            **{"eos_token_id": 128001, "head_dim": 64, "hidden_act": "silu", "hidden_size": 2048},
            **{"initializer_range": 0.02, "intermediate_size": 8192, "mlp_bias": False},
            **{"max_position_embeddings": 131072, "num_attention_heads": 32, "pretraining_tp": 1},
            **{"num_hidden_layers": 16, "num_key_value_heads": 8, "rms_norm_eps": 1e-05},
            **{"rope_scaling": LLAMA_3, "rope_theta": 500000.0, "tie_word_embeddings": True},
            **{"torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 128256},
        },
        {"rotary_scaling": "llama3", "rotary_original_length": 8192, "rotary_factor": 32.0},
    ),
    "SmolLM2-135M": (
        {
            **{"model_type": "llama", "attention_bias": False, "hidden_act": "silu"},
            **{"hidden_size": 576, "intermediate_size": 1536, "max_position_embeddings": 8192},
            **{"num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3},
            **{"rms_norm_eps": 1e-05, "rope_interleaved": False, "rope_scaling": None},
            **{"rope_theta": 100000, "tie_word_embeddings": True, "vocab_size": 49152},
        },
        {"rotary_base": 100000, "kv_heads": 3},
    ),
    "Mistral-7B-v0.1": (
        {
            **{"model_type": "mistral", "hidden_act": "silu", "hidden_size": 4096},
            **{"intermediate_size": 14336, "max_position_embeddings": 32768},
            **{"num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8},
            **{"rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096},
            **{"tie_word_embeddings": False, "vocab_size": 32000},
        },
        {"window": 4096, "global_every": None},
    ),
    "Qwen2.5-0.5B": (
        {
            **{"model_type": "qwen2", "attention_dropout": 0.0, "hidden_act": "silu"},
            **{"hidden_size": 896, "intermediate_size": 4864, "max_position_embeddings": 32768},
            **{"max_window_layers": 24, "num_attention_heads": 14, "num_hidden_layers": 24},
            **{"num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0},
            **{"sliding_window": 32768, "tie_word_embeddings": True, "use_mrope": False},
            **{"use_sliding_window": False, "vocab_size": 151936},
        },
        {"attention_biases": "qkv", "window": None},
    ),
    "Qwen3-0.6B": (
        {
            **{"model_type": "qwen3", "attention_bias": False, "head_dim": 128},
            **{"hidden_act": "silu", "hidden_size": 1024, "intermediate_size": 3072},
            **{"max_position_embeddings": 40960, "max_window_layers": 28},
            **{"num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8},
            **{"rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000},
            **{"sliding_window": None, "tie_word_embeddings": True, "use_sliding_window": False},
            "vocab_size": 151936,
        },
        {"qk_norm": True, "qk_norm_over": "head", "head_dim": 128},
    ),
    "OLMo-2-0425-1B": (
        {
            **{"model_type": "olmo2", "attention_bias": False, "hidden_act": "silu"},
            **{"hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 4096},
            **{"num_attention_heads": 16, "num_hidden_layers": 16, "num_key_value_heads": 16},
            **{"rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 500000},
            **{"tie_word_embeddings": False, "vocab_size": 100352},
        },
        {"norm_position": "output", "qk_norm_over": "projection"},
    ),
    "pythia-70m": (
        {
            **{"model_type": "gpt_neox", "hidden_act": "gelu", "hidden_size": 512},
            **{"intermediate_size": 2048, "layer_norm_eps": 1e-05, "num_hidden_layers": 6},
            **{"max_position_embeddings": 2048, "num_attention_heads": 8, "rotary_pct": 0.25},
            **{"rotary_emb_base": 10000, "tie_word_embeddings": False, "vocab_size": 50304},
            "use_parallel_residual": True,
        },
        {"parallel_residual": True, "rotary_fraction": 0.25, "rotary_dim": 16},
    ),
    "roberta-base": (
        {
            **{"model_type": "roberta", "attention_probs_dropout_prob": 0.1, "bos_token_id": 0},
            **{"eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.1},
            **{"hidden_size": 768, "intermediate_size": 3072, "layer_norm_eps": 1e-05},
            **{"max_position_embeddings": 514, "num_attention_heads": 12, "pad_token_id": 1},
            **{"num_hidden_layers": 12, "type_vocab_size": 1, "vocab_size": 50265},
        },
        {"first_position": 2, "longest": 512},
    ),
    "t5-v1_1-small": (
        {
            **{"model_type": "t5", "d_ff": 1024, "d_kv": 64, "d_model": 512, "dropout_rate": 0.1},
            **{"decoder_start_token_id": 0, "eos_token_id": 1, "feed_forward_proj": "gated-gelu"},
            **{"is_encoder_decoder": True, "layer_norm_epsilon": 1e-06, "num_decoder_layers": 8},
            **{"num_heads": 6, "num_layers": 8, "pad_token_id": 0, "vocab_size": 32128},
            **{"relative_attention_num_buckets": 32, "tie_word_embeddings": False},
        },
        {"activation": "geglu-tanh", "output_scale": 1.0},
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_config_is_read(name: str) -> None:
    given, expected = PUBLISHED[name]
    config = family_named(given, "").read(dict(given), "config.json")
    assert {option: getattr(config, option) for option in expected} == expected
    family = family_named(given, "")
    with torch.device("meta"):
        hf_config = transformers.AutoConfig.for_model(**given)
        hf_model = getattr(transformers, family.architecture)(hf_config)
    count = sum(parameter.numel() for parameter in hf_model.parameters())
    # RoBERTa has one kind of segments, and lmkit XLNet's query vector: 768 numbers each. Whether
    # T5 is tied is in its files (test_encoder_decoders.py).
    assert parameters(config, given["vocab_size"]) == count
