from lmkit.filters.options import FiltersConfig
from lmkit.filters.profanity_lists import WORDS
from lmkit.filters.rule_sets.profanity import PROFANITY_LISTS
from lmkit.filters.rule_sets.registry import RULE_SETS


def test_no_two_sets_have_the_same_name_or_group() -> None:
    names = [name for each in RULE_SETS for name in each.names]
    groups = [each.group for each in RULE_SETS if each.group]
    assert len(set(names)) == len(names)
    assert len(set(groups)) == len(groups)


def test_every_name_stands_for_rules_and_every_list_has_words() -> None:
    for each in RULE_SETS:
        for name in each.names:
            url = {"domains": "a.txt"} if name == "url" else {}
            filters = FiltersConfig.model_validate({"rules": name, "url": url})
            assert [*filters.in_order()], name
    assert (*WORDS,) == PROFANITY_LISTS
