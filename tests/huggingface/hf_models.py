"""Random models that Transformers makes and saves, one or several of each family."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

transformers = pytest.importorskip("transformers")

PAD = 1
_LLAMA: dict[str, Any] = {
    **{"hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 3},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128},
}
_PLAIN: dict[str, Any] = {
    **{"hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 3},
    **{"num_attention_heads": 4, "max_position_embeddings": 128},
}
_T5: dict[str, Any] = {"d_model": 32, "d_kv": 8, "d_ff": 80, "num_layers": 3, "num_heads": 4}
_QWEN: dict[str, Any] = {**_LLAMA, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}
_NEOX: dict[str, Any] = {**_PLAIN, "hidden_size": 64}
SCALINGS: dict[str, dict[str, Any]] = {
    "linear": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.5},
    "yarn": {
        **{"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0},
        "original_max_position_embeddings": 32,
    },
    "llama3": {
        **{"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0},
        **{"low_freq_factor": 1.0, "high_freq_factor": 4.0},
        "original_max_position_embeddings": 64,
    },
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "GPT-2": ("GPT2", {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 128}),
    "Llama": ("Llama", _LLAMA),
    "Llama, biases in attention": ("Llama", {**_LLAMA, "attention_bias": True}),
    "Llama 3.1 to 3.3 (llama3)": ("Llama", {**_LLAMA, "rope_parameters": SCALINGS["llama3"]}),
    "Llama, linear": ("Llama", {**_LLAMA, "rope_parameters": SCALINGS["linear"]}),
    "Llama, yarn": ("Llama", {**_LLAMA, "rope_parameters": SCALINGS["yarn"]}),
    "SmolLM": ("Llama", {**_LLAMA, "tie_word_embeddings": True, "rms_norm_eps": 1e-5}),
    "Mistral": ("Mistral", {**_LLAMA, "sliding_window": 7, "head_dim": 12}),
    "Mistral, no window": ("Mistral", {**_LLAMA, "sliding_window": None}),
    "Qwen2": ("Qwen2", _QWEN),
    "Qwen2.5, yarn, tied": (
        "Qwen2",
        {**_QWEN, "tie_word_embeddings": True, "rope_parameters": SCALINGS["yarn"]},
    ),
    "Qwen3": ("Qwen3", {**_QWEN, "head_dim": 12}),
    "Qwen3, biases, windows": (
        "Qwen3",
        {
            **{**_QWEN, "head_dim": 8, "attention_bias": True, "use_sliding_window": True},
            **{"sliding_window": 6, "max_window_layers": 0},
        },
    ),
    "OLMo 2": ("Olmo2", {**_LLAMA, "num_key_value_heads": 4}),
    "OLMo 2, grouped, biases": ("Olmo2", {**_LLAMA, "attention_bias": True}),
    "GPT-NeoX": ("GPTNeoX", _NEOX),
    "GPT-NeoX, in sequence, tied": (
        "GPTNeoX",
        {
            **{**_NEOX, "use_parallel_residual": False, "tie_word_embeddings": True},
            "rope_parameters": {**SCALINGS["linear"], "partial_rotary_factor": 0.5},
        },
    ),
    "GPT-NeoX, no attention biases": ("GPTNeoX", {**_NEOX, "attention_bias": False}),
    "BERT": ("Bert", _PLAIN),
    "RoBERTa": (
        "Roberta",
        {**_PLAIN, "max_position_embeddings": 130, "type_vocab_size": 1, "pad_token_id": PAD},
    ),
    "ModernBERT": (
        "ModernBert",
        {
            **{**_PLAIN, "local_attention": 8, "global_attn_every_n_layers": 2},
            **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
            **{"cls_token_id": 1, "sep_token_id": 2},
        },
    ),
    "XLNet": ("XLNet", {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 80}),
    "T5": ("T5", _T5),
    "T5 1.1": ("T5", {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
}
"""The prefix of a family's classes, and what differs from the defaults of its config class."""

HEADS = {
    **dict.fromkeys(("GPT2", "XLNet"), "LMHeadModel"),
    **dict.fromkeys(("Bert", "Roberta", "ModernBert"), "ForMaskedLM"),
    "T5": "ForConditionalGeneration",
}


def hf_model(case: str, vocabulary_size: int) -> Any:
    """Make a model with random weights only: norms, biases and buffers of segments included."""
    prefix, options = CASES[case]
    config = getattr(transformers, f"{prefix}Config")(vocab_size=vocabulary_size, **options)
    name = "XLNetLMHeadModel" if prefix == "XLNet" else prefix + HEADS.get(prefix, "ForCausalLM")
    torch.manual_seed(7)
    model = getattr(transformers, name)(config)
    if case == "T5 1.1":  # Transformers unties it only where the files hold another matrix
        model.lm_head.weight = nn.Parameter(torch.empty(vocabulary_size, config.d_model))
        model.all_tied_weights_keys.pop("lm_head.weight", None)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(_values(key, parameter, config))
    return model.eval()


def _values(name: str, parameter: Tensor, config: Any) -> Tensor:
    values = torch.randn(parameter.shape)
    if parameter.ndim == 1 and name.endswith("weight"):
        return 1 + 0.2 * values
    unscaled = config.model_type == "t5" and name.endswith(".q.weight")  # by 1 / sqrt(head size)
    return 0.25 * values * (config.d_kv**-0.5 if unscaled else 1)


def saved(case: str, folder: Path, vocabulary_size: int) -> Any:
    """Save a model as a user would, and return it."""
    model = hf_model(case, vocabulary_size)
    model.save_pretrained(folder)
    return model
