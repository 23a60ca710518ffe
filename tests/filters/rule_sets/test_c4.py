import pytest

from lmkit.filters.options import FiltersConfig


def test_the_length_of_a_line_is_no_rule_of_its_own() -> None:
    filters = FiltersConfig.model_validate({"rules": "c4-paper"})
    assert [rule.option for rule in filters.in_order()] == [
        "c4.max_lorem_ipsum_lines",
        "c4.max_curly_bracket_lines",
        "c4.min_sentences",
    ]


def test_only_one_variant_can_be_applied() -> None:
    with pytest.raises(ValueError, match="got c4-paper and c4-code, must be one of the two"):
        FiltersConfig.model_validate({"rules": "c4-code,c4-paper"})
