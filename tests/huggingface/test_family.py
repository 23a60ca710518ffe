"""A config.json has the same meaning for lmkit and Transformers."""

import json
from typing import Any

import pytest

from lmkit.errors import InputError
from lmkit.huggingface.family import Family
from lmkit.huggingface.registry import FAMILIES, family_named, family_of
from tests.huggingface.models import FACTS, ONE_OF_EACH, random_model, transformers

SMALLEST: dict[str, dict[str, object]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "llama": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48},
}
for like in ("bert", "roberta", "modernbert", "olmo2", "gpt_neox"):
    SMALLEST[like] = SMALLEST["llama"]
for like in ("mistral", "qwen2", "qwen3"):  # else there are 8 or 32
    SMALLEST[like] = {**SMALLEST["llama"], "num_key_value_heads": 2}


def config_class(family: Family) -> Any:
    return type(transformers.AutoConfig.for_model(family.model_type))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_round_trip_gives_the_same_options(name: str) -> None:
    config = random_model(**ONE_OF_EACH[name]).config
    family = family_of(config)
    hf_config = family.config_json(config, FACTS)
    assert family.read(json.loads(json.dumps(hf_config)), "config.json") == config.model_copy(
        update={"preset": None}
    )
    hf_model = config_class(family).from_dict(hf_config)
    load_model = hf_model.to_dict()
    for key in hf_config.keys() - {"architectures"}:
        assert load_model[key] == hf_config[key], key
    # What Transformers writes for the same model has the same options.
    assert family.read(json.loads(json.dumps(load_model)), "config.json") == config


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.model_type)
def test_defaults_are_those_of_transformers(family: Family) -> None:
    minimal: dict[str, Any] = {"model_type": family.model_type, **SMALLEST[family.model_type]}
    full = json.loads(config_class(family).from_dict(dict(minimal)).to_json_string(use_diff=False))
    assert family.read(minimal, "config.json") == family.read(full, "config.json")


REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("llama", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_type: got dynamic, must"),
    ("llama", {"rope_scaling": {"type": "longrope", "factor": 2.0}}, "rope_type: got longrope"),
    ("llama", {"rope_scaling": {"type": "linear"}}, "rope_parameters: factor is missing"),
    ("llama", {"rope_scaling": {"type": "linear", "factor": 0.5}}, "--model.rotary-factor"),
    ("llama", {"rope_scaling": {"type": "linear", "factor": 2, "seed": 3}}, "rope_parameters: got"),
    ("llama", {"partial_rotary_factor": 0.5}, 'rope_parameters: got {"rope_type": "default"'),
    (
        "llama",
        {"quantization_config": {"bits": 4}},
        "quantization_config: lmkit reads no quantized",
    ),
    ("mistral", {"sliding_window": 1}, "--model.window"),
    (
        "mistral",
        {"layer_types": ["full_attention"] * 2},
        "layer_types: lmkit's mistral has sliding",
    ),
    ("mistral", {"rope_scaling": {"rope_type": "llama3", "factor": 2.0}}, "is missing"),
    ("qwen2", {"layer_types": ["full_attention", "chunked_attention"]}, "layer_types: got"),
    ("qwen2", {"layer_types": ["sliding_attention"] * 2}, "sliding_attention needs sliding_window"),
    ("olmo2", {"hidden_act": "relu"}, "got relu, must be one of silu"),
    ("gpt_neox", {"rotary_pct": 0.4}, "--model.rotary-fraction: got 0.4 of heads that are 8 wide"),
    ("gpt_neox", {"hidden_act": "silu"}, "got silu, must be one of gelu"),
    ("roberta", {"hidden_act": "relu"}, "got relu, must be one of gelu"),
    ("roberta", {"pad_token_id": None}, "pad_token_id: got None"),
    ("roberta", {"is_decoder": True}, "is_decoder: got true"),
    ("llama", {"hidden_act": "relu6"}, "got relu6, must be one of silu, gelu"),
    ("llama", {"num_key_value_heads": 3}, "--model.kv-heads: got 3, must divide --model.heads"),
    ("llama", {"num_hidden_layers": "two"}, "config.json"),
    ("llama", {"hidden_size": None}, "config.json"),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx: got tr"),
    ("gpt2", {"activation_function": "silu"}, "got silu, must be one of"),
    ("bert", {"is_decoder": True}, "is_decoder: got true"),
    ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ("xlnet", {"attn_type": "uni"}, "attn_type"),
    ("xlnet", {"clamp_len": 8}, "clamp_len"),
    ("t5", {"feed_forward_proj": "gated-tanh"}, "got gated-tanh, must be one of relu"),
    ("t5", {"relative_attention_num_buckets": 16}, "relative_attention_num_buckets"),
    ("modernbert", {"attention_bias": True}, "norm_bias: got false"),
    ("qwen3", {"layer_types": ["sliding_attention", "full_attention"]}, "layer_types"),
]


@pytest.mark.parametrize(("name", "changes", "message"), REFUSED)
def test_an_unsupported_config_is_refused_in_a_line(
    name: str, changes: dict[str, object], message: str
) -> None:
    given: dict[str, Any] = {**SMALLEST[name], **changes}
    if name == "qwen3":
        given |= {"use_sliding_window": True, "sliding_window": 8}
    with pytest.raises(InputError) as error:
        family_named({"model_type": name}, "").read(given, "config.json")
    assert message in error.value.message and "\n" not in error.value.message
    assert error.value.message.startswith("config.json")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(InputError, match="num_hidden_layers is missing"):
        given: dict[str, Any] = dict(SMALLEST["llama"])
        del given["num_hidden_layers"]
        family_named({"model_type": "llama"}, "").read(given, "config.json")
