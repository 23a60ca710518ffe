"""Llama and the families that differ from it in a part: Mistral, Qwen2, Qwen3 and OLMo 2.

Sources: Transformers' configuration and modelling files of llama, mistral, qwen2, qwen3 and olmo2
(5.24). SmolLM is a Llama; so are Llama 3.1 to 3.3, with scaled rotary positions.

Choices:
- Mistral has a window in all layers, or in none: without one it is a Llama, and exported as one.
- Qwen2 and 2.5 have biases for queries, keys and values only. Qwen3 normalizes the queries and keys
  of each head instead. Both may have windows in some layers.
- OLMo 2 normalizes the outputs of sublayers, and the queries and keys of all heads together.
- Qwen2 and OLMo 2 take a `head_dim` that isn't the hidden size divided by the heads, though their
  config classes don't declare it.
"""

from collections.abc import Container
from typing import Any

from lmkit.huggingface.family import (
    FULL,
    GATES,
    SCALINGS,
    SLIDING,
    Facts,
    Family,
    Json,
    UnsupportedError,
    canonical_activation,
    layer_types,
    lmkit_activation,
    shape_config,
    shape_options,
    windows,
)
from lmkit.huggingface.rope_parameters import (
    rope_options,
    rope_parameters,
    written_rope,
)
from lmkit.huggingface.weight_names import Rule, layer, layers
from lmkit.model.context_length import context_length
from lmkit.model.options import ModelConfig


def _llama_like(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    """Return what all of these families support, where a family doesn't say otherwise."""
    return {
        "architecture": ("decoder",),
        "norm_position": ("pre",),
        "position": ("rotary",),
        "norm": ("rmsnorm",),
        "activation": tuple(GATES),
        "qk_norm": (False,),
        "biases": (False,),
        "window": (None,),
        "local_rotary_base": (None, config.rotary_base),
        "rotary_scaling": SCALINGS,
    }


def _llama_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    supported = _llama_like(config) | {
        "biases": (False, True),
        "attention_biases": (None, "all", "off"),
    }
    if config.hidden_size % config.heads:
        supported["heads"] = (f"a divisor of {config.hidden_size}",)
    return supported


def _common_config(config: ModelConfig) -> Json:
    return {
        **shape_config(config),
        "num_key_value_heads": config.shape.kv_heads,
        "head_dim": config.attention_head_dim,
        "hidden_act": GATES.get(config.activation),
        "rms_norm_eps": config.norm_eps,
        "rope_parameters": written_rope(config),
        "tie_word_embeddings": config.tie_embeddings,
    }


def _llama_config(config: ModelConfig) -> Json:
    biases = {"attention_bias": config.qkv_biases, "mlp_bias": config.biases}
    return _common_config(config) | biases


def _extra(config: ModelConfig, facts: Facts) -> Json:
    return {
        "max_position_embeddings": context_length(config, facts.sequence_length),
        "attention_dropout": config.dropout,
    }


def _common_with_defaults(given: Json) -> Json:
    hf_config: Json = {
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
    } | given
    heads = given["num_attention_heads"]
    hf_config["num_key_value_heads"] = given.get("num_key_value_heads") or heads
    hf_config["head_dim"] = given.get("head_dim") or given["hidden_size"] // heads
    hf_config["hidden_act"] = canonical_activation(hf_config["hidden_act"], GATES)
    hf_config["rope_parameters"] = rope_parameters(given, 10_000.0)
    return hf_config


def _llama_with_defaults(given: Json) -> Json:
    return _common_with_defaults({"attention_bias": False, "mlp_bias": False} | given)


def _common_options(hf_config: Json) -> Json:
    return {
        "architecture": "decoder",
        "position": "rotary",
        **shape_options(hf_config),
        "kv_heads": hf_config["num_key_value_heads"],
        "head_dim": hf_config["head_dim"],
        "activation": lmkit_activation(hf_config["hidden_act"], GATES),
        "norm": "rmsnorm",
        "norm_eps": hf_config["rms_norm_eps"],
        "tie_embeddings": hf_config["tie_word_embeddings"],
        **rope_options(hf_config["rope_parameters"]),
    }


def _llama_options(hf_config: Json) -> Json:
    biases = {"biases": hf_config["mlp_bias"], **_attention_biases(hf_config)}
    return _common_options(hf_config) | biases


def _attention_biases(hf_config: Json) -> Json:
    return {"attention_biases": "all" if hf_config["attention_bias"] else "off"}


def _rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    norms_outputs = config.norm_position == "output"
    names = {
        "attention_norm": "post_attention_layernorm" if norms_outputs else "input_layernorm",
        "feed_forward_norm": (
            "post_feedforward_layernorm" if norms_outputs else "post_attention_layernorm"
        ),
        "attention.query": "self_attn.q_proj",
        "attention.key": "self_attn.k_proj",
        "attention.value": "self_attn.v_proj",
        "attention.output": "self_attn.o_proj",
        "attention.query_norm": "self_attn.q_norm",
        "attention.key_norm": "self_attn.k_norm",
        "feed_forward.gate": "mlp.gate_proj",
        "feed_forward.up": "mlp.up_proj",
        "feed_forward.down": "mlp.down_proj",
    }
    rules = [
        Rule(("embedding.weight",), "model.embed_tokens.weight"),
        *layer("norm", "model.norm", known),
        *layer("output", "lm_head", known),
    ]
    for n in range(config.layers):
        rules += layers(names, f"blocks.{n}.", f"model.layers.{n}.", known)
    return rules


_SHARED: dict[str, Any] = {
    "auto": "AutoModelForCausalLM",
    "prefix": "model.",
    "extra": _extra,
    "rules": _rules,
    "objective": "clm",
    "ignored": (r".*\.rotary_emb\.inv_freq",),
    "aliases": {"lm_head.weight": "model.embed_tokens.weight"},
}

LLAMA = Family(
    model_type="llama",
    architecture="LlamaForCausalLM",
    supported=_llama_supported,
    config=_llama_config,
    with_defaults=_llama_with_defaults,
    options=_llama_options,
    **_SHARED,
)


def _mistral_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return _llama_like(config) | {"window": (config.window,), "global_every": (None,)}


def _mistral_config(config: ModelConfig) -> Json:
    return _common_config(config) | {"sliding_window": config.window}


def _mistral_with_defaults(given: Json) -> Json:
    hf_config = _common_with_defaults({"num_key_value_heads": 8, "sliding_window": 4096} | given)
    kind = FULL if hf_config["sliding_window"] is None else SLIDING
    # Its class ignores layer_types, so that a file with others is of another model.
    hf_config.setdefault("layer_types", [kind] * given["num_hidden_layers"])
    if hf_config["layer_types"] not in (None, [kind] * given["num_hidden_layers"]):
        raise UnsupportedError(f"layer_types: lmkit's mistral has {kind} in all layers")
    return hf_config


def _mistral_options(hf_config: Json) -> Json:
    return _common_options(hf_config) | {"window": hf_config["sliding_window"]}


MISTRAL = Family(
    model_type="mistral",
    architecture="MistralForCausalLM",
    supported=_mistral_supported,
    config=_mistral_config,
    with_defaults=_mistral_with_defaults,
    options=_mistral_options,
    **_SHARED,
)


def _windowed(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    supported = _llama_like(config)
    del supported["window"]
    return supported


def _windowed_config(config: ModelConfig) -> Json:
    types = layer_types(config)
    window = config.window if SLIDING in types else None
    return _common_config(config) | {
        "layer_types": types,
        "sliding_window": window,
        "use_sliding_window": window is not None,
    }


def _windowed_with_defaults(given: Json) -> Json:
    """Return a config.json of Qwen2 or 3, in which the last layers may have windows."""
    hf_config = _common_with_defaults({"num_key_value_heads": 32} | given)
    number, window = given["num_hidden_layers"], given.get("sliding_window", 4096)
    if not given.get("use_sliding_window"):
        window = None
    if hf_config.get("layer_types") is None:
        first = given.get("max_window_layers", 28) if window else number
        hf_config["layer_types"] = [SLIDING if n >= first else FULL for n in range(number)]
    if window is None and SLIDING in hf_config["layer_types"]:
        raise UnsupportedError(f"layer_types: {SLIDING} needs sliding_window")
    hf_config["sliding_window"] = window if SLIDING in hf_config["layer_types"] else None
    hf_config["use_sliding_window"] = hf_config["sliding_window"] is not None
    return hf_config


def _windowed_options(hf_config: Json) -> Json:
    window = windows(hf_config["layer_types"], hf_config["sliding_window"])
    return _common_options(hf_config) | window


def _qwen2_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return _windowed(config) | {"attention_biases": ("qkv",)}


def _qwen2_options(hf_config: Json) -> Json:
    return _windowed_options(hf_config) | {"attention_biases": "qkv"}


QWEN2 = Family(
    model_type="qwen2",
    architecture="Qwen2ForCausalLM",
    supported=_qwen2_supported,
    config=_windowed_config,
    with_defaults=_windowed_with_defaults,
    options=_qwen2_options,
    **_SHARED,
)


def _qwen3_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return _windowed(config) | {"qk_norm": (True,), "attention_biases": (None, "all")}


def _qwen3_config(config: ModelConfig) -> Json:
    return _windowed_config(config) | {"attention_bias": config.qkv_biases}


def _qwen3_with_defaults(given: Json) -> Json:
    return _windowed_with_defaults({"head_dim": 128, "attention_bias": False} | given)


def _qwen3_options(hf_config: Json) -> Json:
    return _windowed_options(hf_config) | {"qk_norm": True, **_attention_biases(hf_config)}


QWEN3 = Family(
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    supported=_qwen3_supported,
    config=_qwen3_config,
    with_defaults=_qwen3_with_defaults,
    options=_qwen3_options,
    **_SHARED,
)


def _olmo2_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return _llama_like(config) | {
        "norm_position": ("output",),
        "qk_norm": (True,),
        "qk_norm_over": ("projection",),
        "attention_biases": (None, "all"),
    }


def _olmo2_config(config: ModelConfig) -> Json:
    return _common_config(config) | {"attention_bias": config.qkv_biases}


def _olmo2_with_defaults(given: Json) -> Json:
    return _common_with_defaults({"rms_norm_eps": 1e-5, "attention_bias": False} | given)


def _olmo2_options(hf_config: Json) -> Json:
    return _common_options(hf_config) | {
        "norm_position": "output",
        "qk_norm": True,
        "qk_norm_over": "projection",
        **_attention_biases(hf_config),
    }


OLMO2 = Family(
    model_type="olmo2",
    architecture="Olmo2ForCausalLM",
    supported=_olmo2_supported,
    config=_olmo2_config,
    with_defaults=_olmo2_with_defaults,
    options=_olmo2_options,
    **_SHARED,
)
