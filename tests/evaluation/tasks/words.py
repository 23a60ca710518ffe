"""An encoder of words, and likelihoods from a table of pairs of words: tasks without a model."""

import math
import re
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.tasks.likelihoods.target_likelihood import Groups, SpanLikelihood

WORDS: list[str] = ["<s>"]


def encode(texts: list[str]) -> list[NDArray[np.uint32]]:
    """One token for each word with the space before it, as byte-level BPE has it."""
    return [np.array([number_of(word) for word in split(text)], np.uint32) for text in texts]


def split(text: str) -> list[str]:
    return re.findall(r" ?[^\s]+|\s", text)


def number_of(word: str) -> int:
    if word not in WORDS:
        WORDS.append(word)
    return WORDS.index(word)


class Bigrams:
    """Probabilities of a word after another; others are 1e-6."""

    def __init__(self, table: Mapping[tuple[str, str], float]) -> None:
        self.table = table

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        found: list[SpanLikelihood] = []
        for span in (span for item in groups for spans in item for span in spans):
            words = [WORDS[token] for token in span.tokens]
            pairs = list(pairwise(words))[span.first_target - 1 :]
            each = [self.table.get(pair, 1e-6) for pair in pairs]
            is_greedy = all(
                value == max(p for (before, _), p in self.table.items() if before == pair[0])
                for pair, value in zip(pairs, each, strict=True)
                if pair in self.table
            ) and all(pair in self.table for pair in pairs)
            found.append(SpanLikelihood(sum(map(math.log, each)), is_greedy))
        return found
