import torch

from lmkit.model.attention_inputs import query_stream_inputs, self_attention_inputs
from lmkit.model.kv_cache import KeyValueCache
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.model.tiny import tiny

PLACES = torch.arange(6).expand(1, 6)


def test_without_documents_a_decoder_needs_no_mask() -> None:
    model = tiny()
    views = self_attention_inputs(model.config, model, PLACES)
    assert views.far.mask is None
    assert views.near.mask is None


def test_local_and_global_blocks_turn_at_their_own_speeds() -> None:
    model = tiny(window=4, global_every=2, rotary_base=100.0, local_rotary_base=10.0)
    views = self_attention_inputs(model.config, model, PLACES)
    assert views.far.turn is not None
    assert views.near.turn is not None
    # The second pair of a head of 8 turns by base^(-2/8) at place 1.
    for view, base in ((views.far, 100.0), (views.near, 10.0)):
        assert torch.isclose(view.turn.cos_BT1K[0, 1, 0, 1], torch.tensor(base**-0.25).cos())


def test_a_bias_of_t5_is_looked_up_by_distance() -> None:
    model = tiny(position="relative", architecture="encoder")
    mask = self_attention_inputs(model.config, model, PLACES).far.mask
    table_NH = model.relative_bias.view(32, 4)
    for i in range(6):
        for j in range(6):
            bucket = i - j if i >= j else 16 + (j - i)  # near distances have their own, by side
            assert torch.equal(mask[0, :, i, j], table_NH[bucket])


def test_alibi_falls_with_distance() -> None:
    config = ModelConfig(position="alibi", heads=2, hidden_size=8, layers=1)
    model = Transformer(config, 5)
    mask = self_attention_inputs(config, model, PLACES).far.mask
    # Slopes of two heads: 2^-4 and 2^-8 (section 3 of Press et al.).
    assert mask[0, :, 5, 2].tolist() == [-3 / 16, -3 / 256]
    assert mask[0, 0, 2, 5] == -torch.inf


def test_new_places_look_at_what_the_cache_holds() -> None:
    model = tiny()
    cache = KeyValueCache(2)
    for layer in cache.layers:
        layer.extend(torch.zeros(1, 4, 4, 8), torch.zeros(1, 4, 4, 8))
    views = self_attention_inputs(model.config, model, PLACES[:, 4:], cache=cache)
    assert views.far.mask.int()[0, 0].tolist() == [[1, 1, 1, 1, 1, 0], [1] * 6]


def test_asked_places_are_turned_as_those_in_their_columns() -> None:
    model = tiny(architecture="encoder")
    columns_BQ = torch.tensor([[4, 1]])
    seen = torch.ones(1, 1, 2, 6, dtype=torch.bool)
    view = query_stream_inputs(model.config, model, columns_BQ, columns_BQ, PLACES, seen).far
    whole = self_attention_inputs(model.config, model, PLACES).far
    assert torch.equal(view.turn.cos_BT1K[0], whole.turn.cos_BT1K[0, [4, 1]])
    assert torch.equal(view.seen_turn.cos_BT1K, whole.turn.cos_BT1K)
