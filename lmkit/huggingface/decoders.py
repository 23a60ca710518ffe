"""GPT-2 and GPT-NeoX (Pythia).

Sources: Transformers' configuration and modelling files of gpt2 and gpt_neox (5.24).

Choices:
- GPT-2 stores its matrices as inputs x outputs, and query, key and value as one.
- GPT-NeoX stores query, key and value head by head. Its output matrix has another name in the files
  than in the newest class, which renames it when it loads and saves.
"""

from collections.abc import Container

from lmkit.huggingface.family import (
    PLAIN,
    SCALINGS,
    Facts,
    Family,
    Json,
    canonical_activation,
    lmkit_activation,
    shape_config,
    shape_options,
)
from lmkit.huggingface.rope_parameters import (
    PARTIAL,
    rope_options,
    rope_parameters,
    written_rope,
)
from lmkit.huggingface.weight_names import Rule, fused_layer, layer, layers
from lmkit.model.context_length import context_length
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


def _neox_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        **COMMON,
        "position": ("rotary",),
        "norm": ("layernorm",),
        "activation": tuple(PLAIN),
        "biases": (True,),
        "attention_biases": (None, "off"),
        "kv_heads": (config.heads,),
        "head_dim": (config.hidden_size / config.heads,),
        "qk_norm": (False,),
        "window": (None,),
        "parallel_residual": (False, True),
        "rotary_fraction": (config.rotary_fraction,),
        "rotary_scaling": SCALINGS,
    }


def _neox_config(config: ModelConfig) -> Json:
    return {
        **shape_config(config),
        "hidden_act": PLAIN.get(config.activation),
        "layer_norm_eps": config.norm_eps,
        "rope_parameters": written_rope(config) | {PARTIAL: config.rotary_fraction},
        "attention_bias": config.qkv_biases,
        "use_parallel_residual": config.parallel_residual,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _neox_extra(config: ModelConfig, facts: Facts) -> Json:
    return {
        "max_position_embeddings": context_length(config, facts.sequence_length),
        **dict.fromkeys(("attention_dropout", "hidden_dropout"), config.dropout),
    }


def _neox_with_defaults(given: Json) -> Json:
    hf_config: Json = {
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "attention_bias": True,
        "use_parallel_residual": True,
        "tie_word_embeddings": False,
    } | given
    hf_config["hidden_act"] = canonical_activation(hf_config["hidden_act"], PLAIN)
    hf_config["rope_parameters"] = rope_parameters(
        given, 10_000.0, theta_key="rotary_emb_base", fraction=0.25, fraction_key="rotary_pct"
    )
    return hf_config


def _neox_options(hf_config: Json) -> Json:
    return {
        "architecture": "decoder",
        "position": "rotary",
        **shape_options(hf_config),
        "activation": lmkit_activation(hf_config["hidden_act"], PLAIN),
        "norm": "layernorm",
        "norm_eps": hf_config["layer_norm_eps"],
        "biases": True,
        "attention_biases": "all" if hf_config["attention_bias"] else "off",
        "parallel_residual": hf_config["use_parallel_residual"],
        "tie_embeddings": hf_config["tie_word_embeddings"],
        "rotary_fraction": hf_config["rope_parameters"][PARTIAL],
        **rope_options(hf_config["rope_parameters"]),
    }


def _neox_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    names = {
        "attention_norm": "input_layernorm",
        "feed_forward_norm": "post_attention_layernorm",
        "attention.output": "attention.dense",
        "feed_forward.up": "mlp.dense_h_to_4h",
        "feed_forward.down": "mlp.dense_4h_to_h",
    }
    rules = [
        Rule(("embedding.weight",), "gpt_neox.embed_in.weight"),
        *layer("norm", "gpt_neox.final_layer_norm", known),
        *layer("output", "embed_out", known),
    ]
    for n in range(config.layers):
        prefix, hf_prefix = f"blocks.{n}.", f"gpt_neox.layers.{n}."
        qkv = [f"{prefix}attention.{name}" for name in ("query", "key", "value")]
        hf_qkv = f"{hf_prefix}attention.query_key_value"
        rules += fused_layer(qkv, hf_qkv, known, interleaved=config.heads)
        rules += layers(names, prefix, hf_prefix, known)
    return rules


GPT_NEOX = Family(
    model_type="gpt_neox",
    architecture="GPTNeoXForCausalLM",
    auto="AutoModelForCausalLM",
    prefix="gpt_neox.",
    supported=_neox_supported,
    config=_neox_config,
    extra=_neox_extra,
    with_defaults=_neox_with_defaults,
    options=_neox_options,
    rules=_neox_rules,
    objective="clm",
    renamed={"lm_head.weight": "embed_out.weight"},
    ignored=(r".*\.attention\.(bias|masked_bias)", r".*\.rotary_emb\.inv_freq"),
    aliases={"embed_out.weight": "gpt_neox.embed_in.weight"},
)
