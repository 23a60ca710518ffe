import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.few_shot import ExampleSampler, refuse_small_pool
from lmkit.evaluation.tasks.item import Item


def items(count: int) -> list[Item]:
    return [Item(n + 1, (f"q{n}",), ("a", "b"), 0) for n in range(count)]


def drawn(
    pool: list[Item], asked: list[Item], *, own: bool, first: bool = False
) -> list[list[int]]:
    sampler = ExampleSampler(pool, 2, is_own=own, first=first)
    return [[pool.index(each) for each in sampler.sample(item)] for item in asked]


def test_examples_are_those_that_lm_evaluation_harness_draws() -> None:
    four, five = items(4), items(5)
    assert drawn(four, four, own=True) == [[3, 2], [0, 2], [0, 3], [1, 0]]
    assert drawn(five, five[:4], own=True) == [[3, 4], [0, 4], [0, 4], [1, 0]]
    assert drawn(five, items(3), own=False) == [[3, 0], [0, 4], [4, 0]]


def test_the_first_examples_are_always_the_same() -> None:
    pool = items(4)
    assert drawn(pool, pool[:2], own=True, first=True) == [[1, 2], [0, 2]]
    assert drawn(pool, items(2), own=False, first=True) == [[0, 1], [0, 1]]


def test_copies_of_an_item_are_no_examples_of_it() -> None:
    pool = [*items(3), *items(3)]
    sampler = ExampleSampler(pool, 2, is_own=True, first=False)
    for item in pool:
        examples = sampler.sample(item)
        assert len(examples) == 2 and item.contexts not in {each.contexts for each in examples}


def test_too_few_examples_are_an_error_before_any_work() -> None:
    refuse_small_pool(items(3), 2, is_own=True, where="f")
    refuse_small_pool(items(3), 3, is_own=False, where="f")
    with pytest.raises(InputError, match="f: --shots: got 3, must be at most 2"):
        refuse_small_pool(items(3), 3, is_own=True, where="f")
    with pytest.raises(InputError, match="must be at most 1: it has 3 items"):
        refuse_small_pool([*items(2), *items(1)], 2, is_own=True, where="f")
