"""T5, as first published and as 1.1.

Sources: Transformers' configuration and modelling files of t5 (5.24).

Choices:
- `tie_word_embeddings: false` in a config.json of T5 means that the logits aren't divided by the
  root of the hidden size. Transformers ties the output matrix to the embedding unless the files
  hold another one, as those of T5 1.1 do: so its tensor decides here, too.
- There "gated-gelu" is the tanh approximation, as in T5 1.1; the exact one is "gelu_python".
"""

from collections.abc import Container

from lmkit.huggingface.family import TANH, Facts, Family, Json, lmkit_activation
from lmkit.huggingface.weight_names import Rule, layer, layers
from lmkit.model.options import ModelConfig
from lmkit.model.positions.registry import BUCKETS, MAX_DISTANCE

FORWARD = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu-tanh": "gelu_new",
    "relu2": "relu2",
    "geglu-tanh": "gated-gelu",
    "swiglu": "gated-silu",
    "geglu": "gated-gelu_python",
}


def _supported(config: ModelConfig) -> dict[str, tuple[object, ...]]:
    return {
        "architecture": ("encoder-decoder",),
        "position": ("relative",),
        "norm": ("rmsnorm",),
        "norm_position": ("pre",),
        "kv_heads": (config.heads,),
        "qk_norm": (False,),
        "biases": (False,),
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


def _extra(config: ModelConfig, facts: Facts) -> Json:
    return {"dropout_rate": config.dropout, "decoder_start_token_id": facts.pad}


def _with_defaults(given: Json) -> Json:
    hf_config: Json = {
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "layer_norm_epsilon": 1e-6,
        "feed_forward_proj": "relu",
        "scale_decoder_outputs": given.get("tie_word_embeddings") is not False,
    } | given
    hf_config["num_decoder_layers"] = given.get("num_decoder_layers") or given["num_layers"]
    hf_config["tie_word_embeddings"] = hf_config["scale_decoder_outputs"]
    gated, _, act = hf_config["feed_forward_proj"].rpartition("-")
    if act in TANH:
        hf_config["feed_forward_proj"] = "gated-gelu" if gated else "gelu_new"
    return hf_config


def _options(hf_config: Json) -> Json:
    return {
        "architecture": "encoder-decoder",
        "position": "relative",
        "layers": hf_config["num_layers"],
        "decoder_layers": hf_config["num_decoder_layers"],
        "hidden_size": hf_config["d_model"],
        "heads": hf_config["num_heads"],
        "head_dim": hf_config["d_kv"],
        "ffn_size": hf_config["d_ff"],
        "activation": lmkit_activation(hf_config["feed_forward_proj"], FORWARD),
        "norm": "rmsnorm",
        "norm_eps": hf_config["layer_norm_epsilon"],
        "initialization": "t5" if hf_config["scale_decoder_outputs"] else "gpt2",
    }


def _rules(config: ModelConfig, known: Container[str]) -> list[Rule]:
    forward = {"down": "wo"}
    forward |= {"gate": "wi_0", "up": "wi_1"} if config.gated else {"up": "wi"}
    attention = {"query": "q", "key": "k", "value": "v", "output": "o"}
    rules = [Rule(("embedding.weight",), "shared.weight"), *layer("output", "lm_head", known)]
    stacks = (("encoder", "encoder.", config.layers), ("decoder", "", config.decoder_layers or 0))
    for stack, lmkit_prefix, count in stacks:
        table = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        rules += layer(f"{lmkit_prefix}norm", f"{stack}.final_layer_norm", known)
        rules.append(Rule((f"{lmkit_prefix}relative_bias",), table, shape=(BUCKETS, config.heads)))
        last = 2 if stack == "decoder" else 1
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
            rules += layers(names, f"{lmkit_prefix}blocks.{n}.", f"{stack}.block.{n}.layer.", known)
    return rules


T5 = Family(
    model_type="t5",
    architecture="T5ForConditionalGeneration",
    auto="AutoModelForSeq2SeqLM",
    prefix="",
    supported=_supported,
    config=_config,
    extra=_extra,
    with_defaults=_with_defaults,
    options=_options,
    rules=_rules,
    objective="span-corruption",
    untied_head="lm_head.weight",
    ignored=(r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",),
    aliases={
        "lm_head.weight": "shared.weight",
        "encoder.embed_tokens.weight": "shared.weight",
        "decoder.embed_tokens.weight": "shared.weight",
    },
)
