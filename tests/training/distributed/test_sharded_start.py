"""What several processes make of a described model is in test_sharded_models."""

import torch

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.distributed.sharded_start import initialize_shards

CONFIG = ModelConfig.model_validate({"layers": 1, "hidden_size": 16, "heads": 2})


def test_a_described_model_gets_the_values_of_its_seed() -> None:
    expected = Transformer(CONFIG, 20, seed=3)
    with torch.device("meta"):
        model = Transformer(CONFIG, 20)
    assert all(parameter.is_meta for parameter in model.parameters())
    initialize_shards(model, torch.device("cpu"), seed=3)
    for mine, other in zip(model.parameters(), expected.parameters(), strict=True):
        assert mine.equal(other)
