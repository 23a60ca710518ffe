from lmkit.filters.options import FiltersConfig


def test_without_any_limit_there_are_no_rules() -> None:
    off = {"min_characters": None, "min_letters": None, "max_repeats": None}
    assert not [*FiltersConfig.model_validate(off).in_order()]


def test_with_one_limit_the_others_are_listed_as_off() -> None:
    limits = FiltersConfig.model_validate({"preset": "none", "max_repeats": 0.5}).in_order()
    assert [(rule.reason, rule.limit) for rule in limits] == [
        ("too_short", None),
        ("too_few_letters", None),
        ("too_repetitive", 0.5),
    ]
