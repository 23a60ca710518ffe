from itertools import pairwise

from lmkit.model.cost import parameters
from lmkit.model.options import ModelConfig
from lmkit.training.planning.model_sizes import model_sizes


def test_every_size_is_a_valid_model_with_heads_of_64() -> None:
    for size in model_sizes():
        assert ModelConfig(**size._asdict()).attention_head_dim == 64


def test_each_size_is_larger_than_the_last_but_not_by_much() -> None:
    counts = [parameters(ModelConfig(**size._asdict()), 8_192) for size in model_sizes()]
    assert all(1.1 < after / before < 2.6 for before, after in pairwise(counts))
    assert counts[0] < 1e6 and counts[-1] > 70e9
