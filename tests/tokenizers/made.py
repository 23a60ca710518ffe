"""Tokenizers for tests."""

from collections.abc import Iterable

import tokenizers

from lmkit.tokenizers import build as training
from lmkit.tokenizers.options import Algorithm
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.special_tokens import SENTINELS

ALGORITHMS: list[Algorithm] = ["bpe", "unigram", "wordpiece", "word", "character", "byte"]
EXACT: list[Algorithm] = ["bpe", "unigram", "character", "byte"]


def train(
    texts: Iterable[str], algorithm: Algorithm, size: int, sentinels: int = SENTINELS
) -> tokenizers.Tokenizer:
    return training.train(texts, Recipe(algorithm, size, sentinels))
