import numpy as np

from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.evaluation.tasks.token_tries import TokenTrie, TrieBatch, batches, tries_of

S, A, B, C, D = range(1, 6)
ITEM = [[TokenSpan((S, A, B), 2)], [TokenSpan((S, A, C, D), 2)]]


def test_spans_that_begin_alike_are_read_once() -> None:
    (trie,), count = tries_of([ITEM], share=True)
    assert count == 2
    assert (trie.tokens, trie.parents) == ([S, A, C], [-1, 0, 1])
    assert trie.targets == [(0, 1, B), (1, 1, C), (1, 2, D)]


def test_spans_can_be_read_each_by_itself() -> None:
    tries, count = tries_of([ITEM, ITEM], share=False)
    assert count == 4
    assert [trie.tokens for trie in tries] == [[S, A], [S, A, C]] * 2
    assert tries[3].targets == [(3, 1, C), (3, 2, D)]


def test_each_token_attends_to_its_path_and_has_its_depth() -> None:
    trie = TokenTrie()
    trie.add(0, TokenSpan((S, A, B, D), 1))
    trie.add(1, TokenSpan((S, C, D), 1))
    batch = TrieBatch.of([trie])
    assert batch.tokens_BT.tolist() == [[S, A, B, C]]
    assert batch.positions_BT.tolist() == [[0, 1, 2, 1]]
    assert batch.visible_BTT is not None
    assert batch.visible_BTT[0].astype(int).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [1, 0, 0, 1],
    ]


def test_chains_need_no_mask_and_padding_is_at_the_end() -> None:
    tries, _ = tries_of([[[TokenSpan((S, A, B), 1)]], [[TokenSpan((S, C), 1)]]], share=True)
    batch = TrieBatch.of(tries)
    assert batch.visible_BTT is None
    assert batch.tokens_BT.tolist() == [[S, A], [S, 0]]
    assert batch.targets_3N.tolist() == [[0, 0, 1], [0, 1, 2], [A, B, C]]


def test_padding_next_to_a_trie_attends_to_itself() -> None:
    (trie,), _ = tries_of([[[TokenSpan((S, A, B), 1)], [TokenSpan((S, C, D), 1)]]], share=True)
    (chain,), _ = tries_of([[[TokenSpan((S, A), 1)]]], share=True)
    visible = TrieBatch.of([trie, chain]).visible_BTT
    assert visible is not None and visible[1].astype(int).tolist() == np.eye(3).tolist()


def test_batches_hold_tries_of_about_the_same_length_within_a_budget() -> None:
    items = [[[TokenSpan(tuple(range(n + 1)), 1)]] for n in (1, 5, 2, 4)]
    tries, _ = tries_of(items, share=True)

    def sizes(budget: int, most: int | None) -> list[list[int]]:
        return [[len(t.tokens) for t in some] for some in batches(tries, budget, most)]

    assert sizes(10, None) == [[5, 4], [2, 1]]
    assert sizes(1, None) == [[5], [4], [2], [1]]
    assert sizes(1, 3) == [[5, 4, 2], [1]]
