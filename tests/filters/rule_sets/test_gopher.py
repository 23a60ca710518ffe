from lmkit.filters.options import FiltersConfig


def reasons(rules: str) -> list[str]:
    return [rule.reason for rule in FiltersConfig.model_validate({"rules": rules}).in_order()]


def test_rules_are_applied_in_the_order_of_the_papers() -> None:
    rules = reasons("gopher")
    assert rules[0] == "gopher.duplicate_paragraphs"
    assert rules[13:15] == ["gopher.min_words", "gopher.max_words"]
    assert rules[-1] == "gopher.stop_words"


def test_a_name_can_stand_for_half_of_the_rules() -> None:
    assert reasons("gopher-repetition,gopher-quality") == reasons("gopher")
    assert len(reasons("gopher-repetition")) == 13
