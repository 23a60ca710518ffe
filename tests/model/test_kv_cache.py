import torch

from lmkit.model.kv_cache import KeyValueCache, LayerCache, positions_after


def test_cached_keys_and_values_are_returned_in_order_however_often_the_buffer_grows() -> None:
    cache = LayerCache()
    k_BGTK = torch.randn(2, 3, 300, 4)
    v_BGTK = torch.randn(2, 3, 300, 4)
    start = 0
    for length in (5, 1, 1, 70, 1, 200, 22):
        end = start + length
        keys, values = cache.extend(k_BGTK[:, :, start:end], v_BGTK[:, :, start:end])
        assert torch.equal(keys, k_BGTK[:, :, :end])
        assert torch.equal(values, v_BGTK[:, :, :end])
        start = end
    assert cache.length == 300


def test_positions_continue_after_the_cached_ones() -> None:
    cache = KeyValueCache(layers=1)
    cache.layers[0].extend(torch.zeros(1, 1, 7, 2), torch.zeros(1, 1, 7, 2))
    assert positions_after(cache, torch.zeros(2, 3)).tolist() == [[7, 8, 9], [7, 8, 9]]


def test_sequences_that_ended_leave_the_cache() -> None:
    cache, k_BGTK = KeyValueCache(layers=2), torch.randn(3, 1, 5, 2)
    for layer in cache.layers:
        layer.extend(k_BGTK, -k_BGTK)
        layer.source = (k_BGTK, k_BGTK)
    cache.keep(torch.tensor([0, 2]))
    new_BGTK = torch.randn(2, 1, 1, 2)
    for layer in cache.layers:
        keys, values = layer.extend(new_BGTK, -new_BGTK)
        assert torch.equal(keys, torch.cat((k_BGTK[[0, 2]], new_BGTK), 2))
        assert torch.equal(values, -keys)
        assert layer.source is not None and torch.equal(layer.source[1], k_BGTK[[0, 2]])
