"""BERT and RoBERTa.

Sources: Transformers' configuration and modelling files of bert and roberta (5.24).

Choices:
- BERT has two token types (segments), RoBERTa one, lmkit none: token type embeddings are written as
  zeros, and when they are read, the first is added to each position embedding, which gives the
  same sums. So the weights of a position aren't the same bytes after a round trip, unless the token
  types were zeros.
- RoBERTa's head has the exact GELU, whatever the activation of its blocks is: lmkit has one for
  both, so that it is GELU.
- RoBERTa counts positions from after the id of padding: `--model.first-position` is that id plus 1.
"""

from collections.abc import Container
from typing import Any

from lmkit.huggingface.encoders import SEGMENTS, post_norm_encoder
from lmkit.huggingface.family import (
    PLAIN,
    Facts,
    Family,
    Json,
    UnsupportedError,
    canonical_activation,
    lmkit_activation,
    shape_config,
    shape_options,
)
from lmkit.huggingface.weight_names import Rule, layer, layers
from lmkit.model.options import ModelConfig

TOKEN_TYPES = "embeddings.token_type_embeddings.weight"
_HEADS: dict[str, dict[str, str]] = {
    "bert": {
        "head.dense": "cls.predictions.transform.dense",
        "head.norm": "cls.predictions.transform.LayerNorm",
        "output_bias": "cls.predictions.bias",
        "decoder": "cls.predictions.decoder",
    },
    "roberta": {
        "head.dense": "lm_head.dense",
        "head.norm": "lm_head.layer_norm",
        "output_bias": "lm_head.bias",
        "decoder": "lm_head.decoder",
    },
}


def _bert_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    # Untied, Transformers' class has two output biases, lmkit's model one.
    return {**post_norm_encoder(config), "position": ("learned",), "tie_embeddings": (True,)}


def _roberta_supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    first = config.first_position or "the id of padding + 1"
    return _bert_supported(config) | {"activation": ("gelu",), "first_position": (first,)}


def _bert_config(config: ModelConfig) -> Json:
    return {
        **shape_config(config),
        "hidden_act": PLAIN.get(config.activation),
        "max_position_embeddings": config.first_position + (config.max_positions or 0),
        "layer_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _roberta_config(config: ModelConfig) -> Json:
    return _bert_config(config) | {"pad_token_id": config.first_position - 1}


def _bert_extra(config: ModelConfig, _: Facts) -> Json:
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    return {"type_vocab_size": SEGMENTS, **dict.fromkeys(names, config.dropout)}


def _roberta_extra(config: ModelConfig, facts: Facts) -> Json:
    return _bert_extra(config, facts) | {"type_vocab_size": 1}


def _bert_with_defaults(given: Json) -> Json:
    hf_config: Json = {
        "hidden_act": "gelu",
        "max_position_embeddings": 512,
        "layer_norm_eps": 1e-12,
        "tie_word_embeddings": True,
    } | given
    hf_config["hidden_act"] = canonical_activation(hf_config["hidden_act"], PLAIN)
    return hf_config


def _roberta_with_defaults(given: Json) -> Json:
    hf_config = _bert_with_defaults({"pad_token_id": 1} | given)
    if not isinstance(hf_config["pad_token_id"], int):
        raise UnsupportedError(f"pad_token_id: got {hf_config['pad_token_id']}, must be a number")
    lmkit_activation(hf_config["hidden_act"], {"gelu": "gelu"})  # that of the head
    return hf_config


def _bert_options(hf_config: Json) -> Json:
    return {
        "architecture": "encoder",
        "position": "learned",
        "max_positions": hf_config["max_position_embeddings"],
        **shape_options(hf_config),
        "activation": lmkit_activation(hf_config["hidden_act"], PLAIN),
        "norm": "layernorm",
        "norm_position": "post",
        "norm_eps": hf_config["layer_norm_eps"],
        "biases": True,
    }


def _roberta_options(hf_config: Json) -> Json:
    first = hf_config["pad_token_id"] + 1
    positions = hf_config["max_position_embeddings"] - first
    return _bert_options(hf_config) | {"first_position": first, "max_positions": positions}


def _bert_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    return _rules(config, known, "bert", SEGMENTS)


def _roberta_rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    return _rules(config, known, "roberta", 1)


def _rules(config: ModelConfig, known: Container[str], family: str, segments: int) -> list[Rule]:
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
        Rule(("embedding.weight",), f"{family}.embeddings.word_embeddings.weight"),
        Rule(("position_embedding.weight",), f"{family}.embeddings.position_embeddings.weight"),
        Rule((), f"{family}.{TOKEN_TYPES}", shape=(segments, config.hidden_size)),
        *layer("embedding_norm", f"{family}.embeddings.LayerNorm", known),
        *layer("head.dense", _HEADS[family]["head.dense"], known),
        *layer("head.norm", _HEADS[family]["head.norm"], known),
        Rule(("output_bias",), _HEADS[family]["output_bias"]),
    ]
    for n in range(config.layers):
        rules += layers(names, f"blocks.{n}.", f"{family}.encoder.layer.{n}.", known)
    return rules


def _shared(family: str) -> dict[str, Any]:
    decoder = _HEADS[family]["decoder"]
    return {
        "model_type": family,
        "auto": "AutoModelForMaskedLM",
        "prefix": f"{family}.",
        "objective": "mlm",
        "aliases": {
            f"{decoder}.weight": f"{family}.embeddings.word_embeddings.weight",
            f"{decoder}.bias": _HEADS[family]["output_bias"],
        },
        "added_first_rows": {"position_embedding.weight": f"{family}.{TOKEN_TYPES}"},
        "fixed": {
            "position_embedding_type": "absolute",
            "is_decoder": False,
            "add_cross_attention": False,
        },
    }


BERT = Family(
    architecture="BertForMaskedLM",
    supported=_bert_supported,
    config=_bert_config,
    extra=_bert_extra,
    with_defaults=_bert_with_defaults,
    options=_bert_options,
    rules=_bert_rules,
    ignored=(r"bert\.pooler\..*", r"cls\.seq_relationship\..*", r".*\.position_ids"),
    **_shared("bert"),
)

ROBERTA = Family(
    architecture="RobertaForMaskedLM",
    supported=_roberta_supported,
    config=_roberta_config,
    extra=_roberta_extra,
    with_defaults=_roberta_with_defaults,
    options=_roberta_options,
    rules=_roberta_rules,
    ignored=(r"roberta\.pooler\..*", r".*\.position_ids"),
    **_shared("roberta"),
)
