from typing import Any

import pytest

from lmkit.errors import InputError
from lmkit.filters.judge import Judge
from lmkit.filters.options import FiltersConfig, rules_of_manifest


def reason_to_drop(text: str, filters: FiltersConfig) -> str | None:
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
    assert reason_to_drop(text, FiltersConfig()) == reason


def test_without_filters_only_empty_documents_are_dropped() -> None:
    none = FiltersConfig.model_validate({"preset": "none"})
    assert [reason_to_drop(text, none) for text in ("", "1", "a\n" * 9)] == ["empty", None, None]


def test_a_limit_can_be_combined_with_a_preset() -> None:
    limits = FiltersConfig.model_validate({"preset": "none", "min_characters": "3"})
    assert (limits.min_characters, limits.max_repeats) == (3, None)
    assert FiltersConfig.model_validate({"max_repeats": "none"}).max_repeats is None
    assert FiltersConfig.model_validate(limits.model_dump(mode="json")) == limits


def test_presets_choose_rules_and_limits_that_can_be_overridden() -> None:
    web = FiltersConfig.model_validate({"preset": "web", "gopher": {"min_words": "20"}})
    assert web.rules == ("basic", "gopher", "c4-paper", "fineweb", "markup")
    assert (web.gopher.min_words, web.c4.end_marks, web.c4.min_sentences) == (20, "any", 5)
    assert FiltersConfig.model_validate(web.model_dump(mode="json")) == web


def test_the_paper_and_the_code_of_c4_differ_in_three_limits() -> None:
    paper, code = (
        FiltersConfig.model_validate({"rules": f"c4-{name}"}).c4 for name in ("paper", "code")
    )
    assert (paper.min_line_words, paper.min_sentences, paper.end_marks) == (3, 5, "quotes")
    assert (code.min_line_words, code.min_sentences, code.end_marks) == (5, 3, "strict")
    with pytest.raises(ValueError, match="must be one of the two"):
        FiltersConfig.model_validate({"rules": "c4-paper,c4-code"})


@pytest.mark.parametrize("config", [{"filters": [None]}, {}, {"filters": {}, "language": [1]}])
def test_damaged_options_of_a_manifest_are_named(config: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"manifest\.json: damaged"):
        rules_of_manifest(FiltersConfig, config)
