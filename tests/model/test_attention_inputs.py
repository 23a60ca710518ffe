import torch

from lmkit.model.attention_inputs import distances, query_stream_inputs, self_attention_inputs
from lmkit.model.kv_cache import KeyValueCache
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.model.tiny import tiny

POSITIONS = torch.arange(6).expand(1, 6)


def test_without_documents_a_decoder_needs_no_mask() -> None:
    model = tiny()
    inputs = self_attention_inputs(model.config, model, POSITIONS)
    assert inputs.global_layers.mask is None
    assert inputs.sliding_window_layers.mask is None


def test_sliding_window_and_global_layers_have_separate_rotary_bases() -> None:
    model = tiny(window=4, global_every=2, rotary_base=100.0, local_rotary_base=10.0)
    inputs = self_attention_inputs(model.config, model, POSITIONS)
    assert inputs.global_layers.rotation is not None
    assert inputs.sliding_window_layers.rotation is not None
    # The second pair of a head of 8 is rotated by base^(-2/8) at position 1.
    for layer_inputs, base in ((inputs.global_layers, 100.0), (inputs.sliding_window_layers, 10.0)):
        assert torch.isclose(
            layer_inputs.rotation.cos_BT1K[0, 1, 0, 1], torch.tensor(base**-0.25).cos()
        )


def test_t5s_bias_is_looked_up_by_distance() -> None:
    model = tiny(position="relative", architecture="encoder")
    mask = self_attention_inputs(model.config, model, POSITIONS).global_layers.mask
    table_NH = model.relative_bias.view(32, 4)
    for i in range(6):
        for j in range(6):
            bucket = (
                i - j if i >= j else 16 + (j - i)
            )  # small distances have a bucket each, by sign
            assert torch.equal(mask[0, :, i, j], table_NH[bucket])


def test_alibi_decreases_with_distance() -> None:
    config = ModelConfig(position="alibi", heads=2, hidden_size=8, layers=1)
    model = Transformer(config, 5)
    mask = self_attention_inputs(config, model, POSITIONS).global_layers.mask
    # Slopes of two heads: 2^-4 and 2^-8 (section 3 of Press et al.).
    assert mask[0, :, 5, 2].tolist() == [-3 / 16, -3 / 256]
    assert mask[0, 0, 2, 5] == -torch.inf


def test_new_positions_attend_to_cached_ones() -> None:
    model = tiny()
    cache = KeyValueCache(2)
    for layer in cache.layers:
        layer.extend(torch.zeros(1, 4, 4, 8), torch.zeros(1, 4, 4, 8))
    inputs = self_attention_inputs(model.config, model, POSITIONS[:, 4:], cache=cache)
    assert inputs.global_layers.mask.int()[0, 0].tolist() == [[1, 1, 1, 1, 1, 0], [1] * 6]


def test_queries_have_the_rotary_angles_of_their_columns() -> None:
    model = tiny(architecture="encoder")
    columns_BQ = torch.tensor([[4, 1]])
    visible = torch.ones(1, 1, 2, 6, dtype=torch.bool)
    layer_inputs = query_stream_inputs(
        model.config, model, columns_BQ, columns_BQ, POSITIONS, visible
    ).global_layers
    all_positions = self_attention_inputs(model.config, model, POSITIONS).global_layers
    assert torch.equal(
        layer_inputs.rotation.cos_BT1K[0], all_positions.rotation.cos_BT1K[0, [4, 1]]
    )
    assert torch.equal(layer_inputs.kv_rotation.cos_BT1K, all_positions.rotation.cos_BT1K)


def test_new_positions_come_after_the_cached_ones() -> None:
    assert distances(2, 1, torch.device("cpu")).tolist() == [[2, 1, 0]]
