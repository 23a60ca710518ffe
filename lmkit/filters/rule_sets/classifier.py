"""Scores texts with a quality classifier, and drops those with a low score."""

from collections.abc import Iterator, Sequence
from typing import Any

from lmkit.filters.rule_set import RuleSet, Signals
from lmkit.filters.rules import Rule

SCORE = "classifier.score"


class ClassifierRules(RuleSet):
    """A limit for the score; it is chosen by --filters.classifier, and is the last to judge."""

    names = ()

    def __init__(self, filters: Any) -> None:
        from lmkit.filters.quality_classifier import QualityClassifier  # it loads numpy

        super().__init__(filters)
        self._classifier = QualityClassifier.load(filters.classifier)

    @classmethod
    def is_chosen(cls, filters: Any) -> bool:
        """Tell whether there is a classifier."""
        return filters.classifier is not None

    @classmethod
    def check(cls, filters: Any) -> None:
        """Refuse a limit without a classifier."""
        if filters.min_classifier_score is not None and filters.classifier is None:
            raise ValueError(
                "--filters.min-classifier-score: no classifier scores documents; add "
                "--filters.classifier"
            )

    @classmethod
    def rules(cls, filters: Any, name: str) -> Iterator[Rule]:
        """Return the one rule."""
        del name
        yield Rule("min_classifier_score", SCORE, SCORE, False, filters.min_classifier_score)

    def of_texts(self, texts: Sequence[str]) -> Signals:
        """Return the score, from 0 to 1."""
        return {SCORE: self._classifier.score(texts)}
