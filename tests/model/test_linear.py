import torch

from lmkit.model.linear import Embedding, Linear


def test_a_new_layer_uses_no_random_numbers_of_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    Linear(3, 4)
    Embedding(5, 3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_linear_map_has_no_bias() -> None:
    layer = Linear(2, 3)
    assert [tuple(parameter.shape) for parameter in layer.parameters()] == [(3, 2)]
