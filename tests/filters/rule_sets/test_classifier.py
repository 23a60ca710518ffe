from pathlib import Path

import pytest

from lmkit.filters.options import FiltersConfig


def test_the_score_is_judged_last() -> None:
    filters = FiltersConfig.model_validate({"classifier": Path("x"), "min_classifier_score": 0.5})
    assert [rule.reason for rule in filters.in_order()][-1] == "classifier.score"
    assert not [r for r in FiltersConfig().in_order() if r.signal == "classifier.score"]


def test_a_limit_without_a_classifier_is_refused() -> None:
    with pytest.raises(ValueError, match=r"add --filters\.classifier"):
        FiltersConfig.model_validate({"min_classifier_score": 0.5})
