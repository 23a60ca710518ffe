import pytest

from lmkit.text.filters import Filters
from lmkit.text.judging import Judge


def reason_to_drop(text: str, filters: Filters) -> str | None:
    (verdict,) = Judge(filters).judge([text]).verdicts
    return verdict.reason


GOOD = "a perfectly good sentence about cats"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, None),
        ("我们今天去公园散步,天气非常好,孩子们都很高兴,晚上再回家。", None),
        (" \n\t", "empty"),
        ("two words", "too_short"),
        ("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18", "too_few_letters"),
        ("buy it now\n" * 5, "too_repetitive"),
    ],
)
def test_a_document_is_dropped_for_the_first_reason_found(text: str, reason: str | None) -> None:
    assert reason_to_drop(text, Filters()) == reason


def test_without_filters_only_what_is_empty_goes() -> None:
    none = Filters.model_validate({"preset": "none"})
    assert [reason_to_drop(text, none) for text in ("", "1", "a\n" * 9)] == ["empty", None, None]


def test_a_limit_can_be_set_beside_a_preset() -> None:
    limits = Filters.model_validate({"preset": "none", "min_characters": "3"})
    assert (limits.min_characters, limits.max_repeats) == (3, None)
    assert Filters.model_validate({"max_repeats": "none"}).max_repeats is None
    assert Filters.model_validate(limits.model_dump(mode="json")) == limits
