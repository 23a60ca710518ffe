"""BERT, ModernBERT and XLNet.

Sources: Transformers' configuration and modelling files of bert, modernbert and xlnet (5.23).

Choices:
- BERT tells two kinds of segments apart. Ours has one kind: written as zeros, and when read, the
  first kind's vector is added to the vector of each place, which gives the same sums.
- XLNet's segments are zeros, too. In a text of one segment they add the same to all scores of a
  place, which changes nothing, so they are read over.
- XLNet looks at no memory of earlier texts, since ours was trained with none.
"""

from collections.abc import Container, Mapping

from torch import Tensor

from lmkit.huggingface.family import (
    FULL,
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

SEGMENTS = 2
TYPES = "bert.embeddings.token_type_embeddings.weight"


def _common(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        "architecture": ("encoder",),
        "norm": ("layernorm",),
        "kv_heads": (config.heads,),
        "head_dim": (config.hidden_size / config.heads,),
        "qk_norm": (False,),
    }


def _post_norm(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        **_common(config),
        "norm_position": ("post",),
        "activation": tuple(PLAIN),
        "biases": (True,),
        "window": (None,),
    }


def _bert_wants(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    # Untied, theirs would have two biases where ours has one.
    return {**_post_norm(config), "position": ("learned",), "tie_embeddings": (True,)}


def _bert_config(config: ModelConfig) -> Json:
    return {
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.shape.ffn_size,
        "hidden_act": PLAIN.get(config.activation),
        "max_position_embeddings": config.max_positions,
        "layer_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _bert_beside(config: ModelConfig, _: Facts) -> Json:
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    return {"type_vocab_size": SEGMENTS, **dict.fromkeys(names, config.dropout)}


def _bert_completed(given: Json) -> Json:
    said: Json = {
        "hidden_act": "gelu",
        "max_position_embeddings": 512,
        "layer_norm_eps": 1e-12,
        "tie_word_embeddings": True,
    } | given
    said["hidden_act"] = same_activation(said["hidden_act"], PLAIN)
    return said


def _bert_options(said: Json) -> Json:
    return {
        "architecture": "encoder",
        "position": "learned",
        "max_positions": said["max_position_embeddings"],
        "layers": said["num_hidden_layers"],
        "hidden_size": said["hidden_size"],
        "heads": said["num_attention_heads"],
        "ffn_size": said["intermediate_size"],
        "activation": our_activation(said["hidden_act"], PLAIN),
        "norm": "layernorm",
        "norm_position": "post",
        "norm_eps": said["layer_norm_eps"],
        "biases": True,
    }


def _bert_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    names = {
        "attention.query": "attention.self.query",
        "attention.key": "attention.self.key",
        "attention.value": "attention.self.value",
        "attention.output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "feed_forward.up": "intermediate.dense",
        "feed_forward.down": "output.dense",
        "feed_forward_norm": "output.LayerNorm",
    }
    rules = [
        Rule(("embedding.weight",), "bert.embeddings.word_embeddings.weight"),
        Rule(("position_embedding.weight",), "bert.embeddings.position_embeddings.weight"),
        Rule((), TYPES, shape=(SEGMENTS, config.hidden_size)),
        *layer("embedding_norm", "bert.embeddings.LayerNorm", known),
        *layer("head.dense", "cls.predictions.transform.dense", known),
        *layer("head.norm", "cls.predictions.transform.LayerNorm", known),
        Rule(("output_bias",), "cls.predictions.bias"),
    ]
    for n in range(config.layers):
        rules += layers(names, f"blocks.{n}.", f"bert.encoder.layer.{n}.", known)
    return rules


def _take_first_segment_in(ours: dict[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    first_D = theirs[TYPES][0] if TYPES in theirs else None
    if first_D is not None and first_D.any():  # -0 + 0 is another number, to the bit
        ours["position_embedding.weight"] = ours["position_embedding.weight"] + first_D


BERT = Family(
    model_type="bert",
    architecture="BertForMaskedLM",
    auto="AutoModelForMaskedLM",
    prefix="bert.",
    wants=_bert_wants,
    config=_bert_config,
    beside=_bert_beside,
    completed=_bert_completed,
    options=_bert_options,
    rules=_bert_rules,
    fixed={
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    },
    ignored=(r"bert\.pooler\..*", r"cls\.seq_relationship\..*", r".*\.position_ids"),
    aliases={
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    absorb=_take_first_segment_in,
)


def _modernbert_wants(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        **_common(config),
        "position": ("rotary",),
        "norm_position": ("pre",),
        "activation": tuple(GATES),
    }


def _modernbert_config(config: ModelConfig) -> Json:
    types, act = layer_types(config), GATES.get(config.activation)
    far = config.rotary_base
    near = (config.local_rotary_base or far) if SLIDING in types else far
    return {
        "hidden_size": config.hidden_size,
        "intermediate_size": config.shape.ffn_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "hidden_activation": act,
        "classifier_activation": act,
        "norm_eps": config.norm_eps,
        **dict.fromkeys(
            ("norm_bias", "attention_bias", "mlp_bias", "classifier_bias"), config.biases
        ),
        "layer_types": types,
        "local_attention": config.window if SLIDING in types else 128,
        "rope_parameters": {
            FULL: {"rope_type": "default", "rope_theta": far},
            SLIDING: {"rope_type": "default", "rope_theta": near},
        },
        "tie_word_embeddings": config.tie_embeddings,
    }


def _modernbert_beside(config: ModelConfig, facts: Facts) -> Json:
    dropouts = ("attention_dropout", "embedding_dropout", "mlp_dropout")
    return {
        "max_position_embeddings": facts.sequence_length,
        "cls_token_id": facts.bos,
        "sep_token_id": facts.eos,
        **dict.fromkeys(dropouts, config.dropout),
    }


def _modernbert_completed(given: Json) -> Json:
    biases = ("norm_bias", "attention_bias", "mlp_bias", "classifier_bias")
    said: Json = {
        "hidden_activation": "gelu",
        "classifier_activation": "gelu",
        "norm_eps": 1e-5,
        **dict.fromkeys(biases, False),
        "local_attention": 128,
        "tie_word_embeddings": True,
    } | given
    for name in ("hidden_activation", "classifier_activation"):
        said[name] = same_activation(said[name], GATES)
    if said.get("layer_types") is None:
        every = given.get("global_attn_every_n_layers", 3)
        numbers = range(given["num_hidden_layers"])
        said["layer_types"] = [SLIDING if number % every else FULL for number in numbers]
    rope: Json = given.get("rope_parameters") or {}
    said["rope_parameters"] = {
        kind: rotary({"rope_parameters": rope.get(kind)}, given.get(old, default))
        for kind, old, default in (
            (FULL, "global_rope_theta", 160_000.0),
            (SLIDING, "local_rope_theta", 10_000.0),
        )
    }
    if SLIDING not in said["layer_types"]:
        said["local_attention"] = 128
        said["rope_parameters"][SLIDING] = said["rope_parameters"][FULL]
    return said


def _modernbert_options(said: Json) -> Json:
    near, far = (said["rope_parameters"][kind]["rope_theta"] for kind in (SLIDING, FULL))
    local = windows(said["layer_types"], said["local_attention"])
    return {
        "architecture": "encoder",
        "position": "rotary",
        "layers": said["num_hidden_layers"],
        "hidden_size": said["hidden_size"],
        "heads": said["num_attention_heads"],
        "ffn_size": said["intermediate_size"],
        "activation": our_activation(said["hidden_activation"], GATES),
        "norm": "layernorm",
        "norm_eps": said["norm_eps"],
        "biases": said["attention_bias"],
        "tie_embeddings": said["tie_word_embeddings"],
        "rotary_base": far,
        **({**local, "local_rotary_base": near} if local else {}),
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
        at, to = f"blocks.{n}.", f"model.layers.{n}."
        three = [f"{at}attention.{name}" for name in ("query", "key", "value")]
        both = [f"{at}feed_forward.{name}" for name in ("gate", "up")]
        rules += joined(three, f"{to}attn.Wqkv", known)
        rules += joined(both, f"{to}mlp.Wi", known)
        rules += layers(names, at, to, known)
    return rules


MODERNBERT = Family(
    model_type="modernbert",
    architecture="ModernBertForMaskedLM",
    auto="AutoModelForMaskedLM",
    prefix="model.",
    wants=_modernbert_wants,
    config=_modernbert_config,
    beside=_modernbert_beside,
    completed=_modernbert_completed,
    options=_modernbert_options,
    rules=_modernbert_rules,
    fixed={"decoder_bias": True},
    aliases={"decoder.weight": "model.embeddings.tok_embeddings.weight"},
)


def _xlnet_wants(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {**_post_norm(config), "position": ("transformer-xl",)}


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


def _xlnet_beside(config: ModelConfig, _: Facts) -> Json:
    return {"dropout": config.dropout, "mem_len": None, "use_mems_eval": False}


def _xlnet_completed(given: Json) -> Json:
    said: Json = {
        "ff_activation": "gelu",
        "layer_norm_eps": 1e-12,
        "tie_word_embeddings": True,
    } | given
    said["ff_activation"] = same_activation(said["ff_activation"], PLAIN)
    return said


def _xlnet_options(said: Json) -> Json:
    return {
        "architecture": "encoder",
        "position": "transformer-xl",
        "layers": said["n_layer"],
        "hidden_size": said["d_model"],
        "heads": said["n_head"],
        "ffn_size": said["d_inner"],
        "activation": our_activation(said["ff_activation"], PLAIN),
        "norm": "layernorm",
        "norm_position": "post",
        "norm_eps": said["layer_norm_eps"],
        "biases": True,
        "tie_embeddings": said["tie_word_embeddings"],
    }


def _xlnet_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    width, heads, each = config.hidden_size, config.heads, config.attention_head_dim
    cube = (width, heads, each)
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
        at, to = f"blocks.{n}.", f"transformer.layer.{n}."
        ours, theirs = f"{at}attention.", f"{to}rel_attn."
        rules += [
            Rule((f"{ours}{one}.weight",), theirs + other, turned=True, shape=cube)
            for one, other in matrices.items()
        ]
        rules += [
            Rule((f"{ours}output.weight",), f"{theirs}o", shape=cube),
            Rule((f"{ours}content_bias",), f"{theirs}r_w_bias", shape=(heads, each)),
            Rule((f"{ours}position_bias",), f"{theirs}r_r_bias", shape=(heads, each)),
            Rule((), f"{theirs}r_s_bias", shape=(heads, each)),
            Rule((), f"{theirs}seg_embed", shape=(SEGMENTS, heads, each)),
        ]
        rules += layers(names, at, to, known)
    return rules


XLNET = Family(
    model_type="xlnet",
    architecture="XLNetLMHeadModel",
    auto="AutoModelForCausalLM",
    prefix="transformer.",
    wants=_xlnet_wants,
    config=_xlnet_config,
    beside=_xlnet_beside,
    completed=_xlnet_completed,
    options=_xlnet_options,
    rules=_xlnet_rules,
    fixed={"attn_type": "bi", "same_length": False, "clamp_len": -1, "untie_r": True},
    aliases={"lm_loss.weight": "transformer.word_embedding.weight"},
)
