from lmkit.filters.options import FiltersConfig


def test_the_rules_are_those_of_the_paper() -> None:
    filters = FiltersConfig.model_validate({"rules": "fineweb"})
    limits = {rule.signal: rule.limit for rule in filters.in_order()}
    assert limits == {
        "fineweb.ended_lines": 0.12,
        "fineweb.short_lines": 0.67,
        "fineweb.repeated_line_characters": 0.01,
        "fineweb.line_feeds_per_word": 0.3,
    }
