"""Answers to score, without a model."""

from collections.abc import Sequence

from lmkit.evaluation.tasks.item import Answer, Item, Scored


def answer(
    log_likelihoods: Sequence[float],
    continuations: Sequence[str] = ("a", "b"),
    gold: int = 0,
    *,
    greedy: bool = False,
    tokens: Sequence[int] = (),
) -> Answer:
    counts = tokens or [1] * len(log_likelihoods)
    scored = tuple(
        Scored(value, greedy, count) for value, count in zip(log_likelihoods, counts, strict=True)
    )
    return Answer(Item(1, ("Q",), tuple(continuations), gold), scored)
