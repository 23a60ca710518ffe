"""Spans, and models whose predictions differ."""

import numpy as np

from lmkit.evaluation.tasks.likelihoods.target_likelihood import SpanLikelihood
from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer

VOCABULARY = 50


def model_of(**options: object) -> Transformer:
    values = {"layers": 2, "hidden_size": 32, "heads": 4, "ffn_size": 64} | options
    model = Transformer(ModelConfig.model_validate(values), VOCABULARY, seed=1)
    for parameter in model.parameters():  # so that predictions differ
        parameter.data.mul_(4)
    return model.eval()


def items(count: int = 12) -> list[list[list[TokenSpan]]]:
    """Questions with several answers, of different lengths, some of one token."""
    rng = np.random.default_rng(0)
    groups: list[list[list[TokenSpan]]] = []
    for number in range(count):
        context = [1, *rng.integers(5, VOCABULARY, number % 7).tolist()]
        answers = [rng.integers(5, VOCABULARY, n).tolist() for n in (1, 1, 2, 4)]
        groups.append([[TokenSpan((*context, *a), len(context))] for a in answers])
    return groups


def flat(groups: list[list[list[TokenSpan]]]) -> list[TokenSpan]:
    return [span for item in groups for spans in item for span in spans]


def worst(found: list[SpanLikelihood], expected: list[float]) -> float:
    """The largest relative difference."""
    pairs = zip(found, expected, strict=True)
    return max(abs(each.log_likelihood - value) / abs(value) for each, value in pairs)
