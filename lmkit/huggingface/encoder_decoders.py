"""T5, as first published and as 1.1.

Sources: Transformers' configuration and modelling files of t5 (5.23).

Choices:
- Transformers' T5 always ties its output matrix to the embedding; `tie_word_embeddings: false` in
  its config.json means that the logits aren't divided by the root of the width.
- There "gated-gelu" is the tanh approximation, as in T5 1.1; the exact one is "gelu_python".
"""

from collections.abc import Container

from lmkit.huggingface.family import TANH, Facts, Family, Json, our_activation
from lmkit.huggingface.weight_names import Rule, layer, layers
from lmkit.model.cost import BUCKETS
from lmkit.model.options import ModelConfig
from lmkit.model.positions import MAX_DISTANCE

FORWARD = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu-tanh": "gelu_new",
    "relu2": "relu2",
    "geglu-tanh": "gated-gelu",
    "swiglu": "gated-silu",
    "geglu": "gated-gelu_python",
}


def _wants(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        "architecture": ("encoder-decoder",),
        "position": ("relative",),
        "norm": ("rmsnorm",),
        "norm_position": ("pre",),
        "kv_heads": (config.heads,),
        "qk_norm": (False,),
        "biases": (False,),
        "tie_embeddings": (True,),
    }


def _config(config: ModelConfig) -> Json:
    scaled = config.output_scale != 1.0
    return {
        "d_model": config.hidden_size,
        "d_kv": config.attention_head_dim,
        "d_ff": config.shape.ffn_size,
        "num_layers": config.layers,
        "num_decoder_layers": config.decoder_layers,
        "num_heads": config.heads,
        "relative_attention_num_buckets": BUCKETS,
        "relative_attention_max_distance": MAX_DISTANCE,
        "layer_norm_epsilon": config.norm_eps,
        "feed_forward_proj": FORWARD.get(config.activation),
        "tie_word_embeddings": scaled,
        "scale_decoder_outputs": scaled,
    }


def _beside(config: ModelConfig, facts: Facts) -> Json:
    return {"dropout_rate": config.dropout, "decoder_start_token_id": facts.pad}


def _completed(given: Json) -> Json:
    said: Json = {
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "layer_norm_epsilon": 1e-6,
        "feed_forward_proj": "relu",
        "scale_decoder_outputs": given.get("tie_word_embeddings") is not False,
    } | given
    said["num_decoder_layers"] = given.get("num_decoder_layers") or given["num_layers"]
    said["tie_word_embeddings"] = said["scale_decoder_outputs"]
    gated, _, act = said["feed_forward_proj"].rpartition("-")
    if act in TANH:
        said["feed_forward_proj"] = "gated-gelu" if gated else "gelu_new"
    return said


def _options(said: Json) -> Json:
    return {
        "architecture": "encoder-decoder",
        "position": "relative",
        "layers": said["num_layers"],
        "decoder_layers": said["num_decoder_layers"],
        "hidden_size": said["d_model"],
        "heads": said["num_heads"],
        "head_dim": said["d_kv"],
        "ffn_size": said["d_ff"],
        "activation": our_activation(said["feed_forward_proj"], FORWARD),
        "norm": "rmsnorm",
        "norm_eps": said["layer_norm_epsilon"],
        "initialization": "t5" if said["scale_decoder_outputs"] else "gpt2",
    }


def _rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    forward = {"down": "wo"}
    forward |= {"gate": "wi_0", "up": "wi_1"} if config.gated else {"up": "wi"}
    attention = {"query": "q", "key": "k", "value": "v", "output": "o"}
    rules = [Rule(("embedding.weight",), "shared.weight")]
    sides = (("encoder", "encoder.", config.layers), ("decoder", "", config.decoder_layers or 0))
    for side, ours, count in sides:
        table = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        rules += layer(f"{ours}norm", f"{side}.final_layer_norm", known)
        rules.append(Rule((f"{ours}relative_bias",), table, shape=(BUCKETS, config.heads)))
        last = 2 if side == "decoder" else 1
        names = {
            "attention_norm": "0.layer_norm",
            **{f"attention.{one}": f"0.SelfAttention.{other}" for one, other in attention.items()},
            "cross_attention_norm": "1.layer_norm",
            **{
                f"cross_attention.{one}": f"1.EncDecAttention.{other}"
                for one, other in attention.items()
            },
            "feed_forward_norm": f"{last}.layer_norm",
            **{
                f"feed_forward.{one}": f"{last}.DenseReluDense.{other}"
                for one, other in forward.items()
            },
        }
        for n in range(count):
            rules += layers(names, f"{ours}blocks.{n}.", f"{side}.block.{n}.layer.", known)
    return rules


T5 = Family(
    model_type="t5",
    architecture="T5ForConditionalGeneration",
    auto="AutoModelForSeq2SeqLM",
    prefix="",
    wants=_wants,
    config=_config,
    beside=_beside,
    completed=_completed,
    options=_options,
    rules=_rules,
    ignored=(r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",),
    aliases={
        "lm_head.weight": "shared.weight",
        "encoder.embed_tokens.weight": "shared.weight",
        "decoder.embed_tokens.weight": "shared.weight",
    },
)
