"""GPT-2, Llama and Qwen3.

Sources: Transformers' configuration and modelling files of gpt2, llama and qwen3 (5.23).

Choices:
- GPT-2 stores its matrices as inputs x outputs, and query, key and value as one.
- Qwen3 is Llama with normalized queries and keys and, optionally, sliding windows.
"""

from collections.abc import Container
from typing import Any

from lmkit.huggingface.family import (
    GATES,
    PLAIN,
    SLIDING,
    Facts,
    Family,
    Json,
    canonical_activation,
    layer_types,
    lmkit_activation,
    rope_parameters,
    windows,
)
from lmkit.huggingface.weight_names import Rule, fused_layer, layer, layers
from lmkit.model.options import ModelConfig

COMMON: dict[str, tuple[object, ...]] = {"architecture": ("decoder",), "norm_position": ("pre",)}


def _gpt2_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        **COMMON,
        "position": ("learned",),
        "norm": ("layernorm",),
        "activation": tuple(PLAIN),
        "biases": (True,),
        "kv_heads": (config.heads,),
        "head_dim": (config.hidden_size // config.heads,),
        "qk_norm": (False,),
        "window": (None,),
    }


def _gpt2_config(config: ModelConfig) -> Json:
    return {
        "n_positions": config.max_positions,
        "n_embd": config.hidden_size,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.shape.ffn_size,
        "activation_function": PLAIN.get(config.activation),
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _gpt2_extra(config: ModelConfig, _: Facts) -> Json:
    return dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.dropout)


def _gpt2_with_defaults(given: Json) -> Json:
    hf_config: Json = {
        "n_positions": given.get("n_ctx", 1024),
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True,
    } | given
    hf_config["n_inner"] = given.get("n_inner") or 4 * given["n_embd"]
    hf_config["activation_function"] = canonical_activation(hf_config["activation_function"], PLAIN)
    return hf_config


def _gpt2_options(hf_config: Json) -> Json:
    return {
        "architecture": "decoder",
        "position": "learned",
        "max_positions": hf_config["n_positions"],
        "layers": hf_config["n_layer"],
        "hidden_size": hf_config["n_embd"],
        "heads": hf_config["n_head"],
        "ffn_size": hf_config["n_inner"],
        "activation": lmkit_activation(hf_config["activation_function"], PLAIN),
        "norm": "layernorm",
        "norm_eps": hf_config["layer_norm_epsilon"],
        "biases": True,
        "tie_embeddings": hf_config["tie_word_embeddings"],
    }


def _gpt2_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    rules = [
        Rule(("embedding.weight",), "transformer.wte.weight"),
        Rule(("position_embedding.weight",), "transformer.wpe.weight"),
        *layer("norm", "transformer.ln_f", known),
        *layer("output", "lm_head", known),
    ]
    norms = {"attention_norm": "ln_1", "feed_forward_norm": "ln_2"}
    transposed = {
        "attention.output": "attn.c_proj",
        "feed_forward.up": "mlp.c_fc",
        "feed_forward.down": "mlp.c_proj",
    }
    for n in range(config.layers):
        prefix, hf_prefix = f"blocks.{n}.", f"transformer.h.{n}."
        qkv = [f"{prefix}attention.{name}" for name in ("query", "key", "value")]
        rules += fused_layer(qkv, f"{hf_prefix}attn.c_attn", known, transposed=True)
        rules += layers(transposed, prefix, hf_prefix, known, transposed=True)
        rules += layers(norms, prefix, hf_prefix, known)
    return rules


GPT2 = Family(
    model_type="gpt2",
    architecture="GPT2LMHeadModel",
    auto="AutoModelForCausalLM",
    prefix="transformer.",
    supported=_gpt2_supported,
    config=_gpt2_config,
    extra=_gpt2_extra,
    with_defaults=_gpt2_with_defaults,
    options=_gpt2_options,
    rules=_gpt2_rules,
    objective="clm",
    fixed={
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
    ignored=(r".*\.attn\.(bias|masked_bias)",),
    aliases={"lm_head.weight": "transformer.wte.weight"},
)


def _llama_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    supported: dict[str, tuple[object, ...]] = {
        **COMMON,
        "position": ("rotary",),
        "norm": ("rmsnorm",),
        "activation": tuple(GATES),
        "qk_norm": (False,),
        "window": (None,),
    }
    if config.hidden_size % config.heads:
        supported["heads"] = (f"a divisor of {config.hidden_size}",)
    return supported


def _llama_config(config: ModelConfig) -> Json:
    return {
        "hidden_size": config.hidden_size,
        "intermediate_size": config.shape.ffn_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.shape.kv_heads,
        "head_dim": config.attention_head_dim,
        "hidden_act": GATES.get(config.activation),
        "rms_norm_eps": config.norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary_base},
        "attention_bias": config.biases,
        "mlp_bias": config.biases,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _llama_extra(config: ModelConfig, facts: Facts) -> Json:
    return {"max_position_embeddings": facts.sequence_length, "attention_dropout": config.dropout}


def _llama_with_defaults(given: Json) -> Json:
    hf_config: Json = {
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
    } | given
    heads = given["num_attention_heads"]
    hf_config["num_key_value_heads"] = given.get("num_key_value_heads") or heads
    hf_config["head_dim"] = given.get("head_dim") or given["hidden_size"] // heads
    hf_config["hidden_act"] = canonical_activation(hf_config["hidden_act"], GATES)
    hf_config["rope_parameters"] = rope_parameters(given, 10_000.0)
    return hf_config


def _llama_options(hf_config: Json) -> Json:
    return {
        "architecture": "decoder",
        "position": "rotary",
        "layers": hf_config["num_hidden_layers"],
        "hidden_size": hf_config["hidden_size"],
        "heads": hf_config["num_attention_heads"],
        "kv_heads": hf_config["num_key_value_heads"],
        "head_dim": hf_config["head_dim"],
        "ffn_size": hf_config["intermediate_size"],
        "activation": lmkit_activation(hf_config["hidden_act"], GATES),
        "norm": "rmsnorm",
        "norm_eps": hf_config["rms_norm_eps"],
        "rotary_base": hf_config["rope_parameters"]["rope_theta"],
        "biases": hf_config["attention_bias"],
        "tie_embeddings": hf_config["tie_word_embeddings"],
    }


def _llama_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    names = {
        "attention_norm": "input_layernorm",
        "feed_forward_norm": "post_attention_layernorm",
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


_LLAMA: dict[str, Any] = {
    "auto": "AutoModelForCausalLM",
    "prefix": "model.",
    "extra": _llama_extra,
    "rules": _llama_rules,
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
    **_LLAMA,
)


def _qwen3_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    supported = _llama_supported(config) | {"qk_norm": (True,), "biases": (False,)}
    del supported["window"]
    supported.pop("heads", None)
    supported["local_rotary_base"] = (None, config.rotary_base)
    return supported


def _qwen3_config(config: ModelConfig) -> Json:
    hf_config = _llama_config(config)
    del hf_config["mlp_bias"]
    types = layer_types(config)
    window = config.window if SLIDING in types else None
    return hf_config | {
        "layer_types": types,
        "sliding_window": window,
        "use_sliding_window": window is not None,
    }


def _qwen3_with_defaults(given: Json) -> Json:
    hf_config = _llama_with_defaults({"head_dim": 128, "num_key_value_heads": 32} | given)
    del hf_config["mlp_bias"]
    layers, window = given["num_hidden_layers"], given.get("sliding_window", 4096)
    if not given.get("use_sliding_window"):
        window = None
    if hf_config.get("layer_types") is None:
        first = given.get("max_window_layers", 28) if window else layers
        local = [number >= first for number in range(layers)]
        hf_config["layer_types"] = [SLIDING if yes else "full_attention" for yes in local]
    hf_config["sliding_window"] = window if SLIDING in hf_config["layer_types"] else None
    hf_config["use_sliding_window"] = hf_config["sliding_window"] is not None
    return hf_config


def _qwen3_options(hf_config: Json) -> Json:
    window = windows(hf_config["layer_types"], hf_config["sliding_window"])
    return _llama_options(hf_config) | {"qk_norm": True} | window


QWEN3 = Family(
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    supported=_qwen3_supported,
    config=_qwen3_config,
    with_defaults=_qwen3_with_defaults,
    options=_qwen3_options,
    **_LLAMA,
)
