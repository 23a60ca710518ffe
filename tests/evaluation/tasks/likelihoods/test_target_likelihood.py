import numpy as np
import pytest
import torch

from lmkit.evaluation.tasks.likelihoods.target_likelihood import (
    SpanLikelihood,
    SpanSums,
    batches_of,
    log_p_of_targets,
)
from tests.evaluation.tasks.likelihoods.spans import VOCABULARY, model_of


def test_a_position_can_have_several_targets_or_none() -> None:
    model = model_of()
    x_MD = torch.randn(200, 32, generator=torch.Generator().manual_seed(0))
    index_N = np.array([0, 0, 64, 65, 199])
    ids_N = np.array([3, 4, 5, 6, 7])
    with torch.no_grad():
        found_2N = log_p_of_targets(model, x_MD, index_N, ids_N)
        log_p_MV = model.logits(x_MD).log_softmax(-1)
    assert found_2N[0] == pytest.approx(log_p_MV[index_N, ids_N].numpy(), rel=1e-5)


def test_the_most_likely_token_is_greedy() -> None:
    model = model_of()
    x_MD = torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        best = int(model.logits(x_MD).argmax())
        all_ids = np.arange(VOCABULARY)
        found_2N = log_p_of_targets(model, x_MD, np.zeros(VOCABULARY, np.int64), all_ids)
    assert np.flatnonzero(found_2N[1]).tolist() == [best]
    assert np.exp(found_2N[0]).sum() == pytest.approx(1)


def test_spans_are_summed_in_order_whatever_the_batches() -> None:
    sums = SpanSums()
    sums.add(np.array([2, 0, 2]), np.array([[-1.0, -2.0, -4.0], [1, 1, 0]]))
    sums.add(np.array([1]), np.array([[-8.0], [1]]))
    assert sums.likelihoods(3) == [
        SpanLikelihood(-2.0, True),
        SpanLikelihood(-8.0, True),
        SpanLikelihood(-5.0, False),
    ]


def test_batches_hold_every_item_once_and_no_more_columns_than_fit() -> None:
    model, lengths = model_of(), [800, 500, 400, 300, 9]
    found = [*batches_of("abcde", lengths, model, None)]
    assert found == ["a", "bc", "de"]  # 1,024 columns on a CPU, as wide as the first of each
    assert [*batches_of("abcde", lengths, model, 4)] == ["abcd", "e"]
