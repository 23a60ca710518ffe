"""ModernBERT and XLNet.

Sources: Transformers' configuration and modelling files of modernbert and xlnet (5.24).

Choices:
- XLNet's segment parameters are zeros, too. In a text of one segment they add the same to all
  scores of a query, which changes nothing, so they are ignored when they are read.
- XLNet attends to no memory of earlier texts, since lmkit trains without one.
"""

from collections.abc import Container

from lmkit.huggingface.family import (
    FULL,
    GATES,
    PLAIN,
    SLIDING,
    Facts,
    Family,
    Json,
    canonical_activation,
    layer_types,
    lmkit_activation,
    shape_config,
    shape_options,
    windows,
)
from lmkit.huggingface.rope_parameters import rope_parameters
from lmkit.huggingface.weight_names import Rule, fused_layer, layer, layers
from lmkit.model.options import ModelConfig

SEGMENTS = 2


def common_encoder(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    """Return what every family of encoders supports."""
    return {
        "architecture": ("encoder",),
        "norm": ("layernorm",),
        "kv_heads": (config.heads,),
        "head_dim": (config.hidden_size / config.heads,),
        "qk_norm": (False,),
    }


def post_norm_encoder(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    """Return what the older of them support, which normalize after each sublayer."""
    return {
        **common_encoder(config),
        "norm_position": ("post",),
        "activation": tuple(PLAIN),
        "biases": (True,),
        "window": (None,),
    }


def _modernbert_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        **common_encoder(config),
        "position": ("rotary",),
        "norm_position": ("pre",),
        "activation": tuple(GATES),
    }


def _modernbert_config(config: ModelConfig) -> Json:
    types, act = layer_types(config), GATES.get(config.activation)
    global_theta = config.rotary_base
    local_theta = (config.local_rotary_base or global_theta) if SLIDING in types else global_theta
    return {
        **shape_config(config),
        "hidden_activation": act,
        "classifier_activation": act,
        "norm_eps": config.norm_eps,
        **dict.fromkeys(
            ("norm_bias", "attention_bias", "mlp_bias", "classifier_bias"), config.biases
        ),
        "layer_types": types,
        "local_attention": config.window if SLIDING in types else 128,
        "rope_parameters": {
            FULL: {"rope_type": "default", "rope_theta": global_theta},
            SLIDING: {"rope_type": "default", "rope_theta": local_theta},
        },
        "tie_word_embeddings": config.tie_embeddings,
    }


def _modernbert_extra(config: ModelConfig, facts: Facts) -> Json:
    dropouts = ("attention_dropout", "embedding_dropout", "mlp_dropout")
    return {
        "max_position_embeddings": facts.sequence_length,
        "cls_token_id": facts.bos,
        "sep_token_id": facts.eos,
        **dict.fromkeys(dropouts, config.dropout),
    }


def _modernbert_with_defaults(given: Json) -> Json:
    biases = ("norm_bias", "attention_bias", "mlp_bias", "classifier_bias")
    hf_config: Json = {
        "hidden_activation": "gelu",
        "classifier_activation": "gelu",
        "norm_eps": 1e-5,
        **dict.fromkeys(biases, False),
        "local_attention": 128,
        "tie_word_embeddings": True,
    } | given
    for name in ("hidden_activation", "classifier_activation"):
        hf_config[name] = canonical_activation(hf_config[name], GATES)
    if hf_config.get("layer_types") is None:
        every = given.get("global_attn_every_n_layers", 3)
        numbers = range(given["num_hidden_layers"])
        hf_config["layer_types"] = [SLIDING if number % every else FULL for number in numbers]
    rope: Json = given.get("rope_parameters") or {}
    hf_config["rope_parameters"] = {
        kind: rope_parameters({"rope_parameters": rope.get(kind)}, given.get(old, default))
        for kind, old, default in (
            (FULL, "global_rope_theta", 160_000.0),
            (SLIDING, "local_rope_theta", 10_000.0),
        )
    }
    if SLIDING not in hf_config["layer_types"]:
        hf_config["local_attention"] = 128
        hf_config["rope_parameters"][SLIDING] = hf_config["rope_parameters"][FULL]
    return hf_config


def _modernbert_options(hf_config: Json) -> Json:
    local_theta, global_theta = (
        hf_config["rope_parameters"][kind]["rope_theta"] for kind in (SLIDING, FULL)
    )
    local = windows(hf_config["layer_types"], hf_config["local_attention"])
    return {
        "architecture": "encoder",
        "position": "rotary",
        **shape_options(hf_config),
        "activation": lmkit_activation(hf_config["hidden_activation"], GATES),
        "norm": "layernorm",
        "norm_eps": hf_config["norm_eps"],
        "biases": hf_config["attention_bias"],
        "tie_embeddings": hf_config["tie_word_embeddings"],
        "rotary_base": global_theta,
        **({**local, "local_rotary_base": local_theta} if local else {}),
    }


def _modernbert_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    names = {
        "attention.output": "attn.Wo",
        "feed_forward.down": "mlp.Wo",
        "attention_norm": "attn_norm",
        "feed_forward_norm": "mlp_norm",
    }
    rules = [
        Rule(("embedding.weight",), "model.embeddings.tok_embeddings.weight"),
        *layer("embedding_norm", "model.embeddings.norm", known),
        *layer("norm", "model.final_norm", known),
        *layer("head.dense", "head.dense", known),
        *layer("head.norm", "head.norm", known),
        *layer("output", "decoder", known),
        Rule(("output_bias",), "decoder.bias"),
    ]
    for n in range(config.layers):
        prefix, hf_prefix = f"blocks.{n}.", f"model.layers.{n}."
        qkv = [f"{prefix}attention.{name}" for name in ("query", "key", "value")]
        gate_and_up = [f"{prefix}feed_forward.{name}" for name in ("gate", "up")]
        rules += fused_layer(qkv, f"{hf_prefix}attn.Wqkv", known)
        rules += fused_layer(gate_and_up, f"{hf_prefix}mlp.Wi", known)
        rules += layers(names, prefix, hf_prefix, known)
    return rules


MODERNBERT = Family(
    model_type="modernbert",
    architecture="ModernBertForMaskedLM",
    auto="AutoModelForMaskedLM",
    prefix="model.",
    supported=_modernbert_supported,
    config=_modernbert_config,
    extra=_modernbert_extra,
    with_defaults=_modernbert_with_defaults,
    options=_modernbert_options,
    rules=_modernbert_rules,
    objective="mlm",
    fixed={"decoder_bias": True},
    aliases={"decoder.weight": "model.embeddings.tok_embeddings.weight"},
)


def _xlnet_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {**post_norm_encoder(config), "position": ("transformer-xl",)}


def _xlnet_config(config: ModelConfig) -> Json:
    return {
        "d_model": config.hidden_size,
        "n_layer": config.layers,
        "n_head": config.heads,
        "d_inner": config.shape.ffn_size,
        "ff_activation": PLAIN.get(config.activation),
        "layer_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _xlnet_extra(config: ModelConfig, _: Facts) -> Json:
    return {"dropout": config.dropout, "mem_len": None, "use_mems_eval": False}


def _xlnet_with_defaults(given: Json) -> Json:
    hf_config: Json = {
        "ff_activation": "gelu",
        "layer_norm_eps": 1e-12,
        "tie_word_embeddings": True,
    } | given
    hf_config["ff_activation"] = canonical_activation(hf_config["ff_activation"], PLAIN)
    return hf_config


def _xlnet_options(hf_config: Json) -> Json:
    return {
        "architecture": "encoder",
        "position": "transformer-xl",
        "layers": hf_config["n_layer"],
        "hidden_size": hf_config["d_model"],
        "heads": hf_config["n_head"],
        "ffn_size": hf_config["d_inner"],
        "activation": lmkit_activation(hf_config["ff_activation"], PLAIN),
        "norm": "layernorm",
        "norm_position": "post",
        "norm_eps": hf_config["layer_norm_eps"],
        "biases": True,
        "tie_embeddings": hf_config["tie_word_embeddings"],
    }


def _xlnet_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    width, heads, head_dim = config.hidden_size, config.heads, config.attention_head_dim
    shape_3d = (width, heads, head_dim)
    rules = [
        Rule(("embedding.weight",), "transformer.word_embedding.weight"),
        Rule(("query_vector",), "transformer.mask_emb", shape=(1, 1, width)),
        *layer("output", "lm_loss", known),
        Rule(("output_bias",), "lm_loss.bias"),
    ]
    matrices = {"query": "q", "key": "k", "value": "v", "distance": "r"}
    names = {
        "attention_norm": "rel_attn.layer_norm",
        "feed_forward_norm": "ff.layer_norm",
        "feed_forward.up": "ff.layer_1",
        "feed_forward.down": "ff.layer_2",
    }
    for n in range(config.layers):
        prefix, hf_prefix = f"blocks.{n}.", f"transformer.layer.{n}."
        lmkit_attention, hf_attention = f"{prefix}attention.", f"{hf_prefix}rel_attn."
        rules += [
            Rule(
                (f"{lmkit_attention}{one}.weight",),
                hf_attention + other,
                transposed=True,
                shape=shape_3d,
            )
            for one, other in matrices.items()
        ]
        rules += [
            Rule((f"{lmkit_attention}output.weight",), f"{hf_attention}o", shape=shape_3d),
            Rule(
                (f"{lmkit_attention}content_bias",),
                f"{hf_attention}r_w_bias",
                shape=(heads, head_dim),
            ),
            Rule(
                (f"{lmkit_attention}position_bias",),
                f"{hf_attention}r_r_bias",
                shape=(heads, head_dim),
            ),
            Rule((), f"{hf_attention}r_s_bias", shape=(heads, head_dim)),
            Rule((), f"{hf_attention}seg_embed", shape=(SEGMENTS, heads, head_dim)),
        ]
        rules += layers(names, prefix, hf_prefix, known)
    return rules


XLNET = Family(
    model_type="xlnet",
    architecture="XLNetLMHeadModel",
    auto="AutoModelForCausalLM",
    prefix="transformer.",
    supported=_xlnet_supported,
    config=_xlnet_config,
    extra=_xlnet_extra,
    with_defaults=_xlnet_with_defaults,
    options=_xlnet_options,
    rules=_xlnet_rules,
    objective="plm",
    fixed={"attn_type": "bi", "same_length": False, "clamp_len": -1, "untie_r": True},
    aliases={"lm_loss.weight": "transformer.word_embedding.weight"},
)
