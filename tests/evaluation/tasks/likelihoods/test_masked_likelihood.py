import math

import numpy as np
import pytest
import torch

from lmkit.evaluation.tasks.likelihoods.masked_likelihood import MaskedLikelihood, Pll, masked
from lmkit.tokenizers.word_boundaries import WordBoundaries
from tests.evaluation.tasks.likelihoods.spans import VOCABULARY, flat, items, model_of, worst

MASK, EOS = 3, 2
TEXTS = [None, None, None, None, None, *("ab"[n % 3 == 0] + "c" for n in range(VOCABULARY - 5))]
WORDS = WordBoundaries(
    [text if text is None else " " * (n % 2) + text for n, text in enumerate(TEXTS)]
)


def literal(pll: Pll, **options: object) -> list[float]:
    """The definition: one forward pass for each target, word by word from WORDS."""
    model = model_of(architecture="encoder", **options)
    totals: list[float] = []
    for span in flat(items()):
        tokens = [*span.tokens, EOS]
        starts = WORDS.word_starts(np.array([tokens]), np.ones((1, len(tokens)), np.int32))[0]
        total = 0.0
        for index in range(span.first_target, len(span.tokens)):
            same_word = [n for n in range(index, len(tokens)) if starts[n] == starts[index]]
            hidden = same_word if pll == "within-word" else [index]
            read = [MASK if n in hidden else token for n, token in enumerate(tokens)]
            with torch.no_grad():
                logits = model(torch.tensor([read]), torch.arange(len(read))[None])[0, index]
            total += float(logits.double().log_softmax(-1)[tokens[index]])
        totals.append(total)
    return totals


@pytest.mark.parametrize("pll", ["within-word", "original"])
@pytest.mark.parametrize("micro_batch", [1, 7, None])
def test_each_target_is_predicted_from_all_that_is_not_masked(
    pll: Pll, micro_batch: int | None
) -> None:
    model = model_of(architecture="encoder")
    score = MaskedLikelihood(model, MASK, EOS, WORDS, pll, micro_batch=micro_batch)
    assert worst(score(items()), literal(pll)) < 1e-5


def test_masks_are_the_token_or_the_rest_of_its_word() -> None:
    # <s> sou ven ir s </s>, where s is a word of its own.
    starts_BT = np.repeat(np.array([[0, 1, 1, 1, 4, 5]]), 4, axis=0)
    index_B = np.array([1, 2, 3, 4])

    def indices(pll: Pll) -> list[list[int]]:
        return [np.flatnonzero(row).tolist() for row in masked(starts_BT, index_B, pll)]

    assert indices("original") == [[1], [2], [3], [4]]
    assert indices("within-word") == [[1, 2, 3], [2, 3], [3], [4]]


@pytest.mark.parametrize("pll", ["within-word", "original"])
def test_without_weights_each_target_costs_as_much(pll: Pll) -> None:
    model = model_of(architecture="encoder")
    for parameter in model.parameters():
        parameter.data.zero_()
    found = MaskedLikelihood(model, MASK, EOS, WORDS, pll)(items())
    expected = [-len(span.targets) * math.log(VOCABULARY) for span in flat(items())]
    assert [each.log_likelihood for each in found] == pytest.approx(expected)
