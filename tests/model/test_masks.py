import itertools

import torch

from lmkit.model.masks import biased, order_masks, window_mask


def test_the_streams_see_what_the_paper_says_in_every_order_of_a_short_row() -> None:
    # Section 2.2 of Yang et al. (2019): a target at rank t sees those before t, and all context.
    places, targets = 4, (0, 1, 3)
    for ranks in itertools.permutations(range(3)):
        order = [-1] * places
        for column, rank in zip(targets, ranks, strict=True):
            order[column] = rank
        content, query = order_masks(torch.tensor([order]), torch.tensor([list(targets)]), None)
        for i, j in itertools.product(range(places), repeat=2):
            context = j not in targets
            before = context or (i in targets and order[j] < order[i])
            assert content[0, 0, i, j] == (before or i == j)
            if i in targets:
                assert query[0, 0, targets.index(i), j] == before


def test_context_does_not_see_targets() -> None:
    content, _ = order_masks(torch.tensor([[0, -1]]), torch.tensor([[0]]), None)
    assert content[0, 0].tolist() == [[True, True], [False, True]]


def test_an_even_window_reaches_half_to_each_side() -> None:
    distances_TS = torch.arange(10)[:, None] - torch.arange(10)
    seen = window_mask(distances_TS, 6, both_ways=True)
    assert seen[5].nonzero().flatten().tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_a_bias_is_minus_infinity_where_nothing_is_seen() -> None:
    bias = torch.ones(1, 1, 1, 2)
    seen = torch.tensor([[[[True, False]]]])
    assert biased(bias, seen).tolist() == [[[[1.0, -torch.inf]]]]
    assert biased(None, seen) is seen
    assert biased(bias, None) is bias
