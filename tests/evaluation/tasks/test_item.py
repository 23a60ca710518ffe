from lmkit.evaluation.tasks.item import Item, Request
from tests.evaluation.tasks.answers import answer


def test_continuations_share_a_context_or_contexts_a_continuation() -> None:
    assert Item(1, ("q",), ("a", "b"), 0).options == (Request("q", "a"), Request("q", "b"))
    assert Item(1, ("p", "q"), ("a",), 0).options == (Request("p", "a"), Request("q", "a"))


def test_an_answer_is_a_tie_only_if_the_best_options_are_equal() -> None:
    assert answer([-3, -3]).is_tie
    assert answer([-3, -3, -5], "abc").is_tie
    assert not answer([-3, -5, -5], "abc").is_tie
    assert not answer([-3], ["a"]).is_tie


def test_the_right_option_is_the_gold_one() -> None:
    found = answer([-1, -2], ["x", "y"], gold=1)
    assert (found.gold.log_likelihood, found.text) == (-2, "y")
