import numpy as np
import pytest

from lmkit.errors import ConfigError
from lmkit.filters.ablation import histogram, removals_by_rule, with_limits
from lmkit.filters.options import FiltersConfig

RULES = [*FiltersConfig().in_order()]
NUMBERS = {
    "characters": np.array([10, 10, 100, 100]),
    "letters": np.array([0.1, 0.9, 0.1, 0.9]),
    "repeats": np.zeros(4),
}


def counts(rows: list[dict[str, object]], name: str) -> list[object]:
    return [row[name] for row in rows]


def test_removals_of_a_rule_alone_at_the_margin_and_first() -> None:
    rows, kept = removals_by_rule(NUMBERS, RULES)
    assert counts(rows, "alone") == [2, 2, 0]
    assert counts(rows, "only_this") == [1, 1, 0]
    assert counts(rows, "first") == [2, 1, 0]
    assert kept == 1


def test_other_limits_give_other_counts() -> None:
    rows, kept = removals_by_rule(
        NUMBERS, with_limits(RULES, "min-characters=none, min_letters=0.95")
    )
    assert counts(rows, "limit") == ["none", "< 0.95", "> 0.75"]
    assert counts(rows, "alone") == [0, 4, 0]
    assert kept == 0


@pytest.mark.parametrize(
    ("typed", "message"),
    [("min_leters=1", "did you mean min_letters"), ("min_letters=few", "must be a number")],
)
def test_an_invalid_limit_is_refused(typed: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_limits(RULES, typed)


def test_a_histogram_excludes_the_outermost_percent() -> None:
    bars = histogram(np.array([0.0] * 50 + [1.0] * 50 + [1000.0]))
    assert (bars["from"], bars["to"]) == ("0", "1")
    assert bars["histogram"] == "█" + " " * 22 + "█"
