from collections.abc import Sequence
from typing import Any

import pytest

from lmkit.artifacts.document import Document
from lmkit.config import Group
from lmkit.errors import LmkitError
from lmkit.filters.judge import Judge
from lmkit.filters.options import FilterOptions, FiltersConfig, with_rule_sets
from lmkit.filters.rule_set import Count, Fraction, RuleSet, Signals


class Marks(Group):
    """Question marks."""

    max_marks: Count | None = 2
    min_share: Fraction | None = 0.01
    max_share: Fraction | None = 0.5
    flavour: str = "plain"


class MarksRules(RuleSet):
    names = ("marks",)
    group = "marks"
    options = Marks

    def of_texts(self, texts: Sequence[str]) -> Signals:
        return {
            "marks": [text.count("?") for text in texts],
            "share": [text.count("?") / len(text) for text in texts],
        }


def filters(**options: Any) -> FilterOptions:
    values = {"preset": "none", "rules": "marks", **options}
    return with_rule_sets(FiltersConfig, [MarksRules]).model_validate(values)


def test_fields_that_are_named_like_limits_become_rules_in_their_order() -> None:
    rules = [(rule.option, rule.reason, rule.limit) for rule in filters().in_order()]
    assert rules == [
        ("marks.max_marks", "marks.marks", 2),
        ("marks.min_share", "marks.min_share", 0.01),  # a signal with two limits
        ("marks.max_share", "marks.max_share", 0.5),
    ]


def test_an_added_set_judges_like_any_other() -> None:
    judged = Judge(filters(marks={"min_share": None})).judge(["a?", "a? b? c? d", "??", "none"])
    assert [one.decided for one in judged.verdicts] == [
        None,
        "marks.marks 3 > 2",
        "marks.max_share 1 > 0.5",
        None,
    ]


def test_the_type_of_a_signal_is_that_of_its_limit_in_every_batch() -> None:
    judge = Judge(filters())
    for texts in (["a?"], [" "], ["", "b"]):
        signals = judge.judge(texts).signals
        assert (signals["marks.marks"].dtype, signals["marks.share"].dtype) == ("int64", "float64")


def test_a_set_that_is_not_named_computes_nothing() -> None:
    assert not Judge(filters(rules="")).judge(["a?"]).signals


@pytest.mark.parametrize(
    "values", [[1], [0.5, 0.5], ["a", "b"], [[1], [2]]], ids=["few", "floats", "texts", "lists"]
)
def test_signals_that_are_no_numbers_per_text_are_refused(values: Any) -> None:
    class Broken(MarksRules):
        def of_texts(self, texts: Sequence[str]) -> Signals:
            return {"marks": values[: len(texts)] if len(texts) == 1 else values}

    options = with_rule_sets(FiltersConfig, [Broken])
    judge = Judge(options.model_validate({"preset": "none", "rules": "marks"}))
    with pytest.raises(LmkitError, match="rule set marks: the signal marks must have an integer"):
        judge.judge(["a", "b"])


def test_signals_of_metadata_see_every_document() -> None:
    class Stars(Group):
        min_stars: Count | None = 3

    class StarsRules(RuleSet):
        names = ("stars",)
        group = "stars"
        options = Stars

        def of_documents(self, documents: Sequence[Document]) -> Signals:
            return {"stars": [document.metadata.get("stars", 0) for document in documents]}

    options = with_rule_sets(FiltersConfig, [StarsRules])
    judge = Judge(options.model_validate({"preset": "none", "rules": "stars"}))
    documents = [
        Document("a", "good", "s", {"stars": 5}),
        Document("b", "bad", "s"),
        Document("c", "", "s"),
    ]
    _, judged = judge.judge_documents(documents)
    assert [one.reason for one in judged.verdicts] == [None, "stars.stars", "empty"]
