import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from lmkit.model.cost import parameters
from lmkit.model.options import ModelConfig
from lmkit.model.presets import PRESETS, Shape
from lmkit.model.transformer import Transformer


def test_without_a_preset_the_options_describe_the_model() -> None:
    config = ModelConfig()
    assert config.shape == Shape(layers=6, hidden_size=384, heads=6, kv_heads=6, ffn_size=1024)
    assert (config.kv_heads, config.ffn_size) == (6, 1024)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("llama-15m", (6, 288, 6, 6, 768)),
        ("llama-120m", (12, 768, 12, 12, 2048)),
        ("llama-1b", (16, 2048, 32, 8, 8192)),
    ],
)
def test_a_preset_has_its_published_shape(name: str, shape: tuple[int, ...]) -> None:
    config = ModelConfig.model_validate({"preset": name})
    assert config.shape == shape
    assert (config.layers, config.hidden_size, config.heads) == shape[:3]
    assert (config.kv_heads, config.ffn_size) == shape[3:]


def test_an_option_overrides_what_the_preset_has() -> None:
    config = ModelConfig.model_validate({"preset": "bert-base", "layers": "2", "heads": 6})
    assert config.shape == Shape(layers=2, hidden_size=768, heads=6, kv_heads=6, ffn_size=3072)
    assert (config.position, config.max_positions, config.norm_eps) == ("learned", 512, 1e-12)
    assert (config.kv_heads, config.head_dim) == (6, 128)
    changes = {"layers": (12, 2), "heads": (12, 6), "kv_heads": (12, 6), "head_dim": (64, 128)}
    assert config.preset_changes == changes
    assert config.preset_changes_text == (
        "bert-base, but layers 2 (not 12), heads 6 (12), kv-heads 6 (12), head-dim 128 (64)"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"preset": "gpt2-small", "hidden_size": 384}, {"ffn_size": 1536, "head_dim": 32}),
        ({"preset": "llama-15m", "hidden_size": 384}, {"ffn_size": 1024}),
        ({"preset": "llama-1b", "hidden_size": 1024}, {"ffn_size": 8192, "kv_heads": 8}),
        ({"preset": "bert-tiny", "activation": "swiglu"}, {"ffn_size": 384}),
        ({"preset": "llama-15m", "ffn_size": 100, "hidden_size": 384}, {"ffn_size": 100}),
        ({"preset": "llama-1b", "kv_heads": "none"}, {"kv_heads": 32}),
        ({"preset": "t5-small", "layers": 3}, {"decoder_layers": 3}),
        ({"preset": "t5-mini", "hidden_size": 256}, {"head_dim": 64, "ffn_size": 1024}),
    ],
)
def test_what_follows_from_other_numbers_in_a_preset_follows_from_typed_ones(
    options: dict[str, object], expected: dict[str, int]
) -> None:
    config = ModelConfig.model_validate(options)
    assert {name: getattr(config, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ({"preset": "bert-base", "position": "rotary"}, {"max_positions"}),
        (
            {"preset": "modernbert-base", "window": "none"},
            {"window", "global_every", "local_rotary_base"},
        ),
        ({"preset": "modernbert-base", "position": "alibi"}, {"local_rotary_base"}),
    ],
)
def test_what_has_no_meaning_without_a_changed_part_is_left_out_with_it(
    options: dict[str, object], left_out: set[str]
) -> None:
    config = ModelConfig.model_validate(options)
    assert {name: getattr(config, name) for name in left_out} == dict.fromkeys(left_out)
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config
    assert left_out <= config.preset_changes.keys() | {"position"}


def test_a_preset_as_it_is_has_no_changes() -> None:
    for name in PRESETS:
        config = ModelConfig.model_validate({"preset": name, "dropout": 0.1})
        assert (config.preset_changes, config.preset_changes_text) == ({}, "")
    assert ModelConfig(layers=2).preset_changes_text == ""


def test_a_shape_option_that_agrees_with_the_preset_is_fine() -> None:
    config = ModelConfig.model_validate({"preset": "llama-15m", "heads": "6", "dropout": "0.1"})
    assert (config.heads, config.dropout) == (6, 0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 100, "heads": 6}, "--model.hidden-size: got 100.*--model.heads.*6"),
        ({"hidden_size": 30, "heads": 6}, "--model.heads: got 6 heads that are 5 wide"),
        ({"heads": 6, "kv_heads": 4}, "--model.kv-heads: got 4.*--model.heads.*6"),
        ({"heads": 6, "kv_heads": 12}, "--model.kv-heads: got 12.*--model.heads.*6"),
    ],
)
def test_a_shape_that_cannot_work_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelConfig.model_validate(options)


@pytest.mark.parametrize("name", ["layers", "hidden_size", "heads", "kv_heads", "ffn_size"])
def test_no_number_of_a_shape_may_be_zero(name: str) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        ModelConfig.model_validate({name: 0})


def test_an_unknown_preset_is_refused_with_the_valid_names() -> None:
    with pytest.raises(ValidationError, match="'tiny-decoder', 'llama-1m'"):
        ModelConfig.model_validate({"preset": "llama-16m"})


@pytest.mark.parametrize("given", [{}, {"preset": "llama-1b"}, {"heads": 8, "kv_heads": 2}])
def test_recorded_options_can_be_read_back(given: dict[str, object]) -> None:
    config = ModelConfig.model_validate(given)
    recorded = config.model_dump_json()
    assert ModelConfig.model_validate_json(recorded) == config
    assert ModelConfig.model_validate(json.loads(recorded)) == config


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"preset": "tiny-decoder"},
        {"hidden_size": 64, "heads": 8, "kv_heads": 2, "ffn_size": 100, "layers": 3},
    ],
)
def test_the_count_of_parameters_is_that_of_the_model(options: dict[str, object]) -> None:
    config = ModelConfig.model_validate(options)
    model = Transformer(config, 97)
    assert parameters(config, 97) == sum(parameter.numel() for parameter in model.parameters())


def test_llama_1b_has_the_published_parameter_count() -> None:
    # Llama 3.2 1B: 1,235,814,400 with its vocabulary of 128,256, embeddings tied.
    assert parameters(ModelConfig(preset="llama-1b"), 128_256) == 1_235_814_400


@pytest.mark.parametrize(
    ("preset", "vocabulary", "published"),
    [
        # Turc et al. (2019, table 1): millions of parameters, with 30,522 word pieces.
        *(("bert-tiny", 30_522, 4.4e6), ("bert-mini", 30_522, 11.3e6)),
        ("bert-small", 30_522, 29.1e6),
        ("t5-mini", 32_128, 31.23e6),  # the card of google/t5-efficient-mini
    ],
)
def test_a_small_preset_has_about_the_published_parameters(
    preset: str, vocabulary: int, published: float
) -> None:
    # They have token types, a pooler and no head, or no position bias in a second table.
    assert parameters(ModelConfig(preset=preset), vocabulary) == pytest.approx(published, rel=0.03)  # type: ignore[arg-type]


@pytest.mark.parametrize(("preset", "millions"), [("llama-1m", 1), ("llama-5m", 5)])
def test_a_name_with_a_size_has_that_many_weights_in_its_blocks(preset: str, millions: int) -> None:
    config = ModelConfig(preset=preset)  # type: ignore[arg-type]
    blocks = parameters(config, 1_000) - 1_000 * config.hidden_size
    assert blocks == pytest.approx(millions * 1e6, rel=0.2)


def test_every_preset_can_be_chosen() -> None:
    for name in PRESETS:
        assert ModelConfig.model_validate({"preset": name}).shape == PRESETS[name]


def test_importing_the_options_does_not_load_torch() -> None:
    code = "import sys, lmkit.model.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            {"position": "transformer-xl"},
            ["--model.position transformer-xl", "decoder", "must be encoder", "rotary"],
        ),
        (
            {"position": "transformer-xl", "architecture": "encoder-decoder"},
            ["--model.architecture encoder-decoder", "must be encoder"],
        ),
        (
            {"position": "transformer-xl", "architecture": "encoder", "kv_heads": 2},
            ["--model.kv-heads: got 2", "--model.heads (6)"],
        ),
        (
            {"position": "transformer-xl", "architecture": "encoder", "window": 8},
            ["--model.window", "transformer-xl", "rotary"],
        ),
        (
            {"architecture": "encoder-decoder", "window": 8},
            ["--model.window: got 8", "an encoder or a decoder"],
        ),
        ({"architecture": "encoder", "window": 7}, ["--model.window: got 7", "must be even"]),
        ({"global_every": 3}, ["--model.global-every: got 3", "--model.window"]),
        ({"local_rotary_base": 10.0}, ["--model.local-rotary-base", "--model.window"]),
        ({"max_positions": 10}, ["--model.max-positions: got 10", "--model.position learned"]),
        ({"decoder_layers": 2}, ["--model.decoder-layers: got 2", "encoder-decoder"]),
        ({"first_position": 2}, ["--model.first-position: got 2", "--model.position learned"]),
        ({"rotary_fraction": 0.3}, ["--model.rotary-fraction: got 0.3", "19 channels", "even"]),
        (
            {"position": "alibi", "rotary_fraction": 0.5},
            ["--model.rotary-fraction: got 0.5", "--model.position rotary"],
        ),
        (
            {"position": "alibi", "rotary_scaling": "linear", "rotary_factor": 2},
            ["--model.rotary-scaling: got linear", "--model.position rotary"],
        ),
        ({"rotary_scaling": "yarn"}, ["--model.rotary-scaling yarn: needs --model.rotary-factor"]),
        (
            {"rotary_scaling": "llama3", "rotary_factor": 2},
            ["--model.rotary-scaling llama3: needs --model.rotary-original-length"],
        ),
        ({"rotary_factor": 2}, ["--model.rotary-factor: got 2.0", "with --model.rotary-scaling;"]),
        (
            {"rotary_scaling": "linear", "rotary_factor": 2, "rotary_original_length": 64},
            ["--model.rotary-original-length: got 64", "--model.rotary-scaling yarn or llama3"],
        ),
        (
            {
                **{"rotary_scaling": "llama3", "rotary_factor": 2, "rotary_original_length": 64},
                "rotary_attention_factor": 1.5,
            },
            ["--model.rotary-attention-factor: got 1.5", "--model.rotary-scaling yarn;"],
        ),
        (
            {
                **{"rotary_scaling": "yarn", "rotary_factor": 2, "rotary_original_length": 64},
                "rotary_slow_rotations": 32,
            },
            ["--model.rotary-fast-rotations: got 32, must be more than", "which is 32"],
        ),
        ({"qk_norm_over": "projection"}, ["--model.qk-norm-over", "only with --model.qk-norm;"]),
        (
            {"ngram_length": 2, "architecture": "encoder"},
            ["--model.ngram-length", "only with --model.architecture decoder"],
        ),
        ({"ngram_rows": 9}, ["--model.ngram-rows", "only with --model.ngram-length"]),
        (
            {"parallel_residual": True, "norm_position": "post"},
            ["--model.parallel-residual", "--model.norm-position post", "use pre"],
        ),
        (
            {"parallel_residual": True, "architecture": "encoder-decoder"},
            ["--model.parallel-residual", "encoder-decoder", "use decoder or encoder"],
        ),
        (
            {"position": "transformer-xl", "architecture": "encoder", "attention_biases": "qkv"},
            ["--model.attention-biases", "transformer-xl"],
        ),
        ({"hidden_size": 100, "heads": 6}, ["--model.hidden-size: got 100", "--model.head-dim"]),
        (
            {"position": "sinusoidal", "hidden_size": 9, "heads": 3},
            ["--model.hidden-size: got 9", "even", "sinusoidal"],
        ),
        (
            {"preset": "bert-base", "hidden_size": 100},
            ["--model.hidden-size: got 100", "--model.heads, which is 12 (of --model.preset bert"],
        ),
        (
            {"preset": "bert-base", "heads": 5},
            ["--model.hidden-size: got 768 (of --model.preset bert-base)", "heads, which is 5"],
        ),
        (
            {"preset": "llama-1b", "heads": 4},
            ["--model.kv-heads: got 8 (of --model.preset llama-1b), must divide --model.heads"],
        ),
        (
            {"preset": "modernbert-base", "position": "transformer-xl"},
            ["--model.window (of --model.preset modernbert-base)", "give --model.window none"],
        ),
        (
            {"preset": "modernbert-base", "architecture": "encoder-decoder"},
            ["--model.window: got 128 (of --model.preset modernb", "give --model.window none"],
        ),
        (
            {"preset": "bert-base", "global_every": 3},
            ["--model.global-every: got 3", "--model.window; leave it out"],
        ),
    ],
)
def test_incompatible_options_are_refused_with_those_that_are_compatible(
    options: dict[str, object], parts: list[str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelConfig.model_validate(options)
    for part in parts:
        assert part in str(caught.value)


def test_what_a_preset_leaves_open_can_be_chosen() -> None:
    free = {"dropout": 0.1, "z_loss": 1e-4, "initialization": "small"}
    config = ModelConfig.model_validate({"preset": "t5-small"} | free)
    assert (config.dropout, config.z_loss, config.initialization) == (0.1, 1e-4, "small")
    assert ModelConfig(preset="t5-small").initialization == "t5"


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_recorded_preset_can_be_read_back(preset: str) -> None:
    config = ModelConfig.model_validate({"preset": preset})
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


def test_a_head_may_be_larger_than_hidden_size_divided_by_heads() -> None:
    config = ModelConfig(hidden_size=100, heads=6, head_dim=32)
    assert config.attention_head_dim == 32
    state = Transformer(config, 10).state_dict()
    assert state["blocks.0.attention.query.weight"].shape == (192, 100)


def test_a_plain_feed_forward_network_is_four_times_as_large() -> None:
    assert ModelConfig(activation="gelu").ffn_size == 4 * 384


@pytest.mark.parametrize(
    ("options", "recorded", "qkv", "output"),
    [
        ({}, None, False, False),
        ({"biases": True}, None, True, True),
        ({"attention_biases": "off"}, None, False, False),
        ({"biases": True, "attention_biases": "all"}, None, True, True),
        ({"attention_biases": "all"}, "all", True, True),
        ({"biases": True, "attention_biases": "off"}, "off", False, False),
        ({"attention_biases": "qkv"}, "qkv", True, False),
        ({"biases": True, "attention_biases": "qkv"}, "qkv", True, False),
    ],
)
def test_biases_in_attention_are_named_only_where_they_differ(
    options: dict[str, object], recorded: str | None, qkv: bool, output: bool
) -> None:
    config = ModelConfig.model_validate(options)
    assert config.attention_biases == recorded
    assert (config.qkv_biases, config.attention_output_biases) == (qkv, output)
    names = dict(Transformer(config, 10).named_parameters())
    assert ("blocks.0.attention.key.bias" in names) == qkv
    assert ("blocks.0.attention.output.bias" in names) == output
