"""GPT-2, Llama and Qwen3.

Sources: Transformers' configuration and modelling files of gpt2, llama and qwen3 (5.23).

Choices:
- GPT-2 stores its matrices as inputs x outputs, and query, key and value as one.
- Qwen3 is Llama with normalized queries and keys and, where asked, with windows.
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
    layer_types,
    our_activation,
    rotary,
    same_activation,
    windows,
)
from lmkit.huggingface.weight_names import Rule, joined, layer, layers
from lmkit.model.options import ModelConfig

COMMON: dict[str, tuple[object, ...]] = {"architecture": ("decoder",), "norm_position": ("pre",)}


def _gpt2_wants(config: ModelConfig) -> dict[str, tuple[object, ...]]:
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


def _gpt2_beside(config: ModelConfig, _: Facts) -> Json:
    return dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.dropout)


def _gpt2_completed(given: Json) -> Json:
    said: Json = {
        "n_positions": given.get("n_ctx", 1024),
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True,
    } | given
    said["n_inner"] = given.get("n_inner") or 4 * given["n_embd"]
    said["activation_function"] = same_activation(said["activation_function"], PLAIN)
    return said


def _gpt2_options(said: Json) -> Json:
    return {
        "architecture": "decoder",
        "position": "learned",
        "max_positions": said["n_positions"],
        "layers": said["n_layer"],
        "hidden_size": said["n_embd"],
        "heads": said["n_head"],
        "ffn_size": said["n_inner"],
        "activation": our_activation(said["activation_function"], PLAIN),
        "norm": "layernorm",
        "norm_eps": said["layer_norm_epsilon"],
        "biases": True,
        "tie_embeddings": said["tie_word_embeddings"],
    }


def _gpt2_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    rules = [
        Rule(("embedding.weight",), "transformer.wte.weight"),
        Rule(("position_embedding.weight",), "transformer.wpe.weight"),
        *layer("norm", "transformer.ln_f", known),
        *layer("output", "lm_head", known),
    ]
    norms = {"attention_norm": "ln_1", "feed_forward_norm": "ln_2"}
    turned = {
        "attention.output": "attn.c_proj",
        "feed_forward.up": "mlp.c_fc",
        "feed_forward.down": "mlp.c_proj",
    }
    for n in range(config.layers):
        at, to = f"blocks.{n}.", f"transformer.h.{n}."
        three = [f"{at}attention.{name}" for name in ("query", "key", "value")]
        rules += joined(three, f"{to}attn.c_attn", known, turned=True)
        rules += layers(turned, at, to, known, turned=True)
        rules += layers(norms, at, to, known)
    return rules


GPT2 = Family(
    model_type="gpt2",
    architecture="GPT2LMHeadModel",
    auto="AutoModelForCausalLM",
    prefix="transformer.",
    wants=_gpt2_wants,
    config=_gpt2_config,
    beside=_gpt2_beside,
    completed=_gpt2_completed,
    options=_gpt2_options,
    rules=_gpt2_rules,
    fixed={
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
    ignored=(r".*\.attn\.(bias|masked_bias)",),
    aliases={"lm_head.weight": "transformer.wte.weight"},
)


def _llama_wants(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    wants: dict[str, tuple[object, ...]] = {
        **COMMON,
        "position": ("rotary",),
        "norm": ("rmsnorm",),
        "activation": tuple(GATES),
        "qk_norm": (False,),
        "window": (None,),
    }
    if config.hidden_size % config.heads:
        wants["heads"] = (f"a divisor of {config.hidden_size}",)
    return wants


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


def _llama_beside(config: ModelConfig, facts: Facts) -> Json:
    return {"max_position_embeddings": facts.sequence_length, "attention_dropout": config.dropout}


def _llama_completed(given: Json) -> Json:
    said: Json = {
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
    } | given
    heads = given["num_attention_heads"]
    said["num_key_value_heads"] = given.get("num_key_value_heads") or heads
    said["head_dim"] = given.get("head_dim") or given["hidden_size"] // heads
    said["hidden_act"] = same_activation(said["hidden_act"], GATES)
    said["rope_parameters"] = rotary(given, 10_000.0)
    return said


def _llama_options(said: Json) -> Json:
    return {
        "architecture": "decoder",
        "position": "rotary",
        "layers": said["num_hidden_layers"],
        "hidden_size": said["hidden_size"],
        "heads": said["num_attention_heads"],
        "kv_heads": said["num_key_value_heads"],
        "head_dim": said["head_dim"],
        "ffn_size": said["intermediate_size"],
        "activation": our_activation(said["hidden_act"], GATES),
        "norm": "rmsnorm",
        "norm_eps": said["rms_norm_eps"],
        "rotary_base": said["rope_parameters"]["rope_theta"],
        "biases": said["attention_bias"],
        "tie_embeddings": said["tie_word_embeddings"],
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
    "beside": _llama_beside,
    "rules": _llama_rules,
    "ignored": (r".*\.rotary_emb\.inv_freq",),
    "aliases": {"lm_head.weight": "model.embed_tokens.weight"},
}

LLAMA = Family(
    model_type="llama",
    architecture="LlamaForCausalLM",
    wants=_llama_wants,
    config=_llama_config,
    completed=_llama_completed,
    options=_llama_options,
    **_LLAMA,
)


def _qwen3_wants(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    wants = _llama_wants(config) | {"qk_norm": (True,), "biases": (False,)}
    del wants["window"]
    wants.pop("heads", None)
    wants["local_rotary_base"] = (None, config.rotary_base)
    return wants


def _qwen3_config(config: ModelConfig) -> Json:
    said = _llama_config(config)
    del said["mlp_bias"]
    types = layer_types(config)
    window = config.window if SLIDING in types else None
    return said | {
        "layer_types": types,
        "sliding_window": window,
        "use_sliding_window": window is not None,
    }


def _qwen3_completed(given: Json) -> Json:
    said = _llama_completed({"head_dim": 128, "num_key_value_heads": 32} | given)
    del said["mlp_bias"]
    layers, window = given["num_hidden_layers"], given.get("sliding_window", 4096)
    if not given.get("use_sliding_window"):
        window = None
    if said.get("layer_types") is None:
        first = given.get("max_window_layers", 28) if window else layers
        local = [number >= first for number in range(layers)]
        said["layer_types"] = [SLIDING if yes else "full_attention" for yes in local]
    said["sliding_window"] = window if SLIDING in said["layer_types"] else None
    said["use_sliding_window"] = said["sliding_window"] is not None
    return said


def _qwen3_options(said: Json) -> Json:
    window = windows(said["layer_types"], said["sliding_window"])
    return _llama_options(said) | {"qk_norm": True} | window


QWEN3 = Family(
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    wants=_qwen3_wants,
    config=_qwen3_config,
    completed=_qwen3_completed,
    options=_qwen3_options,
    **_LLAMA,
)
