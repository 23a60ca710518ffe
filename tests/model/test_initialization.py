import math
from typing import Any

import pytest
import torch
from torch import nn

from lmkit.model import initialization
from lmkit.model.initialization import LocalPart
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.model.tiny import counting, tokens

VOCABULARY = 2048
POSITIONS = ["learned", "relative", "rotary", "alibi"]


def first_loss(**options: Any) -> float:
    config = ModelConfig.model_validate({"layers": 4, "hidden_size": 128, "heads": 4} | options)
    model = Transformer(config, VOCABULARY).eval()
    tokens_BT, targets_BT = tokens(4, 64, VOCABULARY), tokens(4, 64, VOCABULARY, seed=2)
    more = {}
    if config.architecture == "encoder-decoder":
        more = {"source_tokens_BS": targets_BT, "source_positions_BS": counting(targets_BT)}
    with torch.no_grad():
        loss = model(tokens_BT, counting(tokens_BT), None, targets_BT, **more)
    return loss.item() / targets_BT.numel()


def kinds() -> list[Any]:
    cases = [
        {"architecture": architecture, "position": position}
        for architecture in ("decoder", "encoder", "encoder-decoder")
        for position in POSITIONS
    ]
    cases.append({"architecture": "encoder", "position": "learned", "norm_position": "post"})
    cases.append({"architecture": "encoder", "position": "transformer-xl", "norm_position": "post"})
    return [pytest.param(kind, id="-".join(kind.values())) for kind in cases]


@pytest.mark.parametrize("initialization", ["gpt2", "small"])
@pytest.mark.parametrize("kind", kinds())
def test_a_new_model_predicts_every_token_about_equally(
    kind: dict[str, Any], initialization: str
) -> None:
    loss = first_loss(**kind, initialization=initialization)
    assert abs(loss / math.log(VOCABULARY) - 1) < 0.02


def test_t5_starts_half_a_nat_above_uniform_and_a_wide_decoder_higher() -> None:
    # Logits of variance 1 add 1/2. In a decoder the token that was read has the logit c sqrt(D),
    # where 0 <= c <= 1, so the log of the sum is at most that of V exp(1/2) + exp(sqrt(D)).
    uniform_loss = math.log(VOCABULARY) + 0.5
    encoder = first_loss(architecture="encoder", position="relative", initialization="t5")
    assert abs(encoder - uniform_loss) < 0.15
    both = first_loss(architecture="encoder-decoder", position="relative", initialization="t5")
    upper_bound = math.log(VOCABULARY * math.exp(0.5) + math.exp(math.sqrt(128)))
    assert uniform_loss - 0.15 < both < upper_bound


def std(model: Transformer, name: str) -> float:
    return model.get_parameter(name).std().item()


def test_t5_is_initialized_as_in_its_code() -> None:
    config = ModelConfig.model_validate(
        {"preset": "t5-small", "layers": 6}  # of which the initialization is a part
    )
    model = Transformer(config, 3000)
    # modeling_t5.py: d 512, d_kv 64, d_ff 2048, 8 heads
    expected = {
        "embedding.weight": 1.0,
        "blocks.0.attention.query.weight": (512 * 64) ** -0.5,
        "blocks.0.cross_attention.key.weight": 512**-0.5,
        "encoder.blocks.5.attention.value.weight": 512**-0.5,
        "encoder.blocks.5.attention.output.weight": (8 * 64) ** -0.5,
        "blocks.3.feed_forward.up.weight": 512**-0.5,
        "blocks.3.feed_forward.down.weight": 2048**-0.5,
    }
    for name, deviation in expected.items():
        assert math.isclose(std(model, name), deviation, rel_tol=0.02)
    assert math.isclose(std(model, "relative_bias"), 512**-0.5, rel_tol=0.2)


def test_small_is_smaller_the_larger_the_hidden_size() -> None:
    for width, layers in ((128, 2), (512, 8)):
        config = ModelConfig(hidden_size=width, heads=4, layers=layers, initialization="small")
        model = Transformer(config, 1000)
        small = math.sqrt(2 / (5 * width))
        assert math.isclose(std(model, "blocks.1.attention.key.weight"), small, rel_tol=0.03)
        residual_std = 2 / (layers * math.sqrt(width))
        name = "blocks.1.feed_forward.down.weight"
        assert math.isclose(std(model, name), residual_std, rel_tol=0.03)


def test_an_encoder_decoders_decoder_has_three_residual_outputs_per_block() -> None:
    config = ModelConfig(architecture="encoder-decoder", layers=2, decoder_layers=3)
    model = Transformer(config, 100)
    for name, residual_outputs in (("encoder.blocks.0", 4), ("blocks.0", 9)):
        actual = std(model, f"{name}.attention.output.weight")
        assert math.isclose(actual, 0.02 / math.sqrt(residual_outputs), rel_tol=0.03)
    actual = std(model, "blocks.2.cross_attention.output.weight")
    assert math.isclose(actual, 0.02 / 3, rel_tol=0.03)


def test_biases_start_at_zero_and_norm_weights_at_one() -> None:
    config = ModelConfig(architecture="encoder", norm="layernorm", biases=True, layers=1)
    for name, parameter in Transformer(config, 50).named_parameters():
        if name.endswith("norm.weight"):
            assert (parameter == 1).all(), name
        elif parameter.ndim == 1:
            assert not parameter.any(), name


@pytest.mark.parametrize("shape", [(7,), (16,), (40,), (50, 1), (33, 3), (100, 7), (64, 48)])
@pytest.mark.parametrize("processes", [1, 3])
def test_rows_that_are_drawn_in_pieces_are_those_of_torch(
    shape: tuple[int, ...], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process keeps its part, and all leave the generator where torch leaves it."""
    monkeypatch.setattr(initialization, "PIECE", 16)
    monkeypatch.setattr(initialization, "standard_deviation", lambda *_: 0.5)
    expected_generator = torch.Generator().manual_seed(9)
    expected = [
        torch.empty(shape).normal_(0.0, 0.5, generator=expected_generator) for _ in range(2)
    ]
    parameters = [(name, nn.Parameter(torch.empty(shape))) for name in "ab"]
    for axis in range(len(shape)):
        found: list[list[torch.Tensor]] = []
        for number in range(processes):
            parts: dict[int, LocalPart] = {}

            def part_of(
                parameter: nn.Parameter,
                number: int = number,
                axis: int = axis,
                parts: dict[int, LocalPart] = parts,
            ) -> LocalPart:
                chunks = torch.empty(shape).tensor_split(processes, axis)
                start = sum(chunk.shape[axis] for chunk in chunks[:number])
                return parts.setdefault(id(parameter), LocalPart(chunks[number], axis, start))

            initialization.initialize_weights(parameters, ModelConfig(), 9, part_of)
            found.append([parts[id(parameter)].tensor for _, parameter in parameters])
        for number, full in enumerate(expected):
            assert torch.cat([each[number] for each in found], axis).equal(full)
