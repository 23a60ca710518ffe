from typing import Any

import pytest
import torch
from torch import Tensor

from lmkit.model import attention_kernels as kernels
from lmkit.model.attention_kernels import Kernels, kernels_on
from lmkit.model.cost import (
    BatchShape,
    activations,
    flops,
    memory,
    parameters,
    parameters_by_part,
)
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.model.tiny import counting, tokens

KINDS: list[dict[str, Any]] = [
    {},
    {"kv_heads": 2, "qk_norm": True, "tie_embeddings": False, "head_dim": 20},
    {"position": "learned", "norm": "layernorm", "biases": True, "activation": "gelu"},
    {
        **{"parallel_residual": True, "rotary_fraction": 0.5, "norm": "layernorm", "biases": True},
        **{"activation": "gelu", "tie_embeddings": False},
    },
    {"parallel_residual": True, "attention_biases": "qkv"},
    {"norm_position": "output", "qk_norm": True, "qk_norm_over": "projection", "kv_heads": 2},
    {"attention_biases": "all", "kv_heads": 2},
    {"position": "learned", "first_position": 2, "biases": True, "attention_biases": "off"},
    {"position": "relative"},
    {"ngram_length": 4, "ngram_rows": 50},
    {"architecture": "encoder", "position": "alibi", "norm_position": "post"},
    {"architecture": "encoder", "window": 8, "global_every": 3, "biases": True},
    {"architecture": "encoder", "position": "transformer-xl", "norm_position": "post"},
    {"architecture": "encoder-decoder", "position": "relative", "decoder_layers": 3},
    {
        "architecture": "encoder-decoder",
        "biases": True,
        "norm": "layernorm",
        "tie_embeddings": False,
    },
]
DROPPING = [
    {"dropout": 0.1},
    {"dropout": 0.1, "architecture": "encoder-decoder", "position": "relative"},
]
IDS = ["-".join(map(str, kind.values())) or "default" for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_the_count_of_parameters_is_that_of_the_model(kind: dict[str, Any]) -> None:
    config = ModelConfig.model_validate({"layers": 4, "hidden_size": 48, "heads": 4} | kind)
    with torch.device("meta"):
        model = Transformer(config, 97)
    parts = parameters_by_part(config, 97)
    assert sum(parts.values()) == sum(parameter.numel() for parameter in model.parameters())
    assert parameters(config, 97) == sum(parts.values())
    assert all(parts.values())


def test_flops_of_a_decoder_are_palms() -> None:
    # 6 N + 12 L H K T for each token, N being the matrices: the blocks' and the output.
    config = ModelConfig(preset="llama-120m")
    tokens_read, length, vocabulary = 4 * 1024, 1024, 32_000
    block = 4 * 768 * 768 + 3 * 768 * 2048
    matrices = 12 * block + vocabulary * 768
    counted = flops(config, vocabulary, BatchShape(sequences=4, length=length))
    assert counted["parameters"] == 6 * matrices * tokens_read
    assert counted["attention"] == 12 * 12 * 12 * 64 * length * tokens_read


def test_flops_of_an_encoder_decoder_count_each_stack_for_its_tokens() -> None:
    config = ModelConfig(preset="t5-small")
    counted = flops(config, 32_128, BatchShape(sequences=1, length=114, source_length=512))
    attention, feed_forward = 4 * 512 * 512, 2 * 512 * 2048
    encoder = 6 * (attention + feed_forward)
    # The keys and values of cross-attention are computed from the source's tokens.
    decoder = 6 * (attention + attention // 2 + feed_forward) + 32_128 * 512
    cross = 6 * attention // 2
    assert counted["parameters"] == 6 * ((encoder + cross) * 512 + decoder * 114)
    assert counted["attention"] == 12 * 6 * 512 * (512 * 512 + 114 * 114 + 114 * 512)


def test_a_parallel_residual_costs_the_same_flops_and_keeps_one_input_less() -> None:
    both = [ModelConfig(parallel_residual=parallel) for parallel in (False, True)]
    batch = BatchShape(sequences=2, length=64)
    assert flops(both[0], 100, batch) == flops(both[1], 100, batch)
    assert parameters(both[0], 100) == parameters(both[1], 100)
    kept = [activations(config, batch, Kernels()) for config in both]
    # In fp32, the input of the feed-forward network's norm: 6 blocks, 384 channels.
    assert kept[0] - kept[1] == 2 * 64 * 6 * 384 * 4


def test_a_sliding_window_layer_counts_its_window() -> None:
    windowed = ModelConfig(layers=4, window=16, global_every=2)
    global_attention = ModelConfig(layers=4)
    one, other = (
        flops(c, 100, BatchShape(1, 64))["attention"] for c in (windowed, global_attention)
    )
    assert one / other == (2 * 64 + 2 * 16) / (4 * 64)


# Whether products are in bf16, and up to which length a CPU with matrix units materializes the
# score matrix. 110 is between the length of a source and that of its target.
SETTINGS = {
    "fp32": (False, 0),
    "bf16": (True, 0),
    "bf16 with matrix units": (True, 512),
    "bf16 with matrix units, long rows": (True, 110),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", [*KINDS, *DROPPING], ids=[*IDS, *map(str, DROPPING)])
def test_activations_are_what_autograd_keeps(
    kind: dict[str, Any], setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ModelConfig.model_validate({"layers": 6, "hidden_size": 96, "heads": 4} | kind)
    batch, time, length = 2, 120, 100
    tokens_BT, source_BS = tokens(batch, time, 50), tokens(batch, length, 50)
    inputs = {"targets_BT": tokens_BT}
    if config.architecture == "encoder-decoder":
        inputs |= {
            "source_tokens_BS": source_BS,
            "source_positions_BS": counting(source_BS),
            "source_documents_BS": torch.ones_like(source_BS),
        }
    source = length if config.architecture == "encoder-decoder" else 0
    expected, kept = estimated_and_saved_bytes(
        config, setting, BatchShape(batch, time, source), inputs, monkeypatch
    )
    assert expected == pytest.approx(kept, rel=0.1)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("queries", [20, 100])
def test_activations_of_two_streams_are_what_autograd_keeps(
    queries: int, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = {"architecture": "encoder", "position": "transformer-xl", "norm_position": "post"}
    config = ModelConfig.model_validate({"layers": 6, "hidden_size": 96, "heads": 4} | kind)
    batch, time = 2, 120
    queries_BQ = torch.arange(queries).expand(batch, -1)
    order_BT = torch.full((batch, time), -1)
    order_BT[:, :queries] = queries_BQ
    targets_BQ = tokens(batch, time, 50)[:, :queries]
    inputs = {"targets_BT": targets_BQ, "order_BT": order_BT, "queries_BQ": queries_BQ}
    batch = BatchShape(batch, time, queries=queries)
    expected, kept = estimated_and_saved_bytes(config, setting, batch, inputs, monkeypatch)
    assert expected == pytest.approx(kept, rel=0.1)


def estimated_and_saved_bytes(
    config: ModelConfig,
    setting: str,
    batch: BatchShape,
    inputs: dict[str, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[int, int]:
    """Return the bytes that a step is estimated to keep, and those that autograd keeps."""
    bf16, max_softmax_length = SETTINGS[setting]
    monkeypatch.setattr(kernels, "_cpu_has_amx", lambda: max_softmax_length > 0)
    monkeypatch.setattr(kernels, "MAX_SOFTMAX_LENGTH", max_softmax_length)
    model = Transformer(config, 50)
    kept: dict[int, int] = {}
    weight_storages = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    shapes = {tuple(p.shape) for p in model.parameters()}
    shapes |= {shape[::-1] for shape in shapes}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        is_weight = storage.data_ptr() in weight_storages or tuple(tensor.shape) in shapes
        if not is_weight:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    tokens_BT = tokens(batch.sequences, batch.length, 50)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        documents_BT = torch.ones_like(tokens_BT)
        loss = model(tokens_BT, counting(tokens_BT), documents_BT, **inputs)
    assert loss.isfinite()
    device_kernels = kernels_on(torch.device("cpu"), torch.bfloat16 if bf16 else torch.float32)
    return activations(config, batch, device_kernels, bf16=bf16), sum(kept.values())


def test_weights_and_optimizer_take_sixteen_bytes_per_parameter() -> None:
    config = ModelConfig(preset="llama-1b")
    parts = memory(config, 128_256, BatchShape(1, 1024), Kernels())
    count = 1_235_814_400
    assert parts["weights"] + parts["gradients"] + parts["optimizer"] == 16 * count


def test_an_optimizer_with_one_moment_for_matrices_takes_four_bytes_less_for_each() -> None:
    config = ModelConfig(preset="llama-1b")
    one, two = (
        memory(config, 128_256, BatchShape(1, 1024), Kernels(), moments_in_blocks=moments)
        for moments in (1, 2)
    )
    # 16 blocks: queries and outputs of 2,048 x 2,048, keys and values of 512, three of 8,192.
    matrices = 16 * (2 * 2048**2 + 2 * 2048 * 512 + 3 * 2048 * 8192)
    assert two["optimizer"] - one["optimizer"] == 4 * matrices
