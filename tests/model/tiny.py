"""Tiny models for tests."""

import torch
from torch import Tensor

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer

VOCABULARY = 61


def tiny(vocabulary_size: int = VOCABULARY, seed: int = 3, **changes: object) -> Transformer:
    options: dict[str, object] = {"layers": 2, "hidden_size": 32, "heads": 4, "ffn_size": 48}
    config = ModelConfig.model_validate(options | changes)
    model = Transformer(config, vocabulary_size, seed)
    with torch.no_grad():  # far from uniform predictions, so that differences are large
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(6)
        if model.ngram_embedding is not None:  # they start at 0
            for parameter in model.ngram_embedding.parameters():
                parameter.normal_(generator=torch.Generator().manual_seed(seed))
    return model


def tokens(batch: int, time: int, vocabulary_size: int = VOCABULARY, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, vocabulary_size, (batch, time), generator=generator)


def counting(tokens_BT: Tensor) -> Tensor:
    """Positions of sequences that are one document each."""
    return torch.arange(tokens_BT.shape[1]).expand_as(tokens_BT)
