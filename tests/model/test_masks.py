import itertools

import torch

from lmkit.model.masks import bias_with_mask, permutation_masks, window_mask


def test_the_streams_attend_to_what_the_paper_defines_in_every_order_of_a_short_sequence() -> None:
    # Section 2.2 of Yang et al. (2019): a target of rank t attends to those before t, and to all
    # context.
    length, targets = 4, (0, 1, 3)
    for ranks in itertools.permutations(range(3)):
        order = [-1] * length
        for column, rank in zip(targets, ranks, strict=True):
            order[column] = rank
        content, query = permutation_masks(
            torch.tensor([order]), torch.tensor([list(targets)]), None
        )
        for i, j in itertools.product(range(length), repeat=2):
            context = j not in targets
            before = context or (i in targets and order[j] < order[i])
            assert content[0, 0, i, j] == (before or i == j)
            if i in targets:
                assert query[0, 0, targets.index(i), j] == before


def test_context_does_not_attend_to_targets() -> None:
    content, _ = permutation_masks(torch.tensor([[0, -1]]), torch.tensor([[0]]), None)
    assert content[0, 0].tolist() == [[True, True], [False, True]]


def test_an_even_window_reaches_half_to_each_side() -> None:
    distances_TS = torch.arange(10)[:, None] - torch.arange(10)
    visible = window_mask(distances_TS, 6, both_ways=True)
    assert visible[5].nonzero().flatten().tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_a_bias_is_minus_infinity_where_masked() -> None:
    bias = torch.ones(1, 1, 1, 2)
    visible = torch.tensor([[[[True, False]]]])
    assert bias_with_mask(bias, visible).tolist() == [[[[1.0, -torch.inf]]]]
    assert bias_with_mask(None, visible) is visible
    assert bias_with_mask(bias, None) is bias
