from pathlib import Path
from typing import get_args

from lmkit.filters.options import PROFANITY_LISTS, FiltersConfig, RuleSet
from lmkit.filters.profanity import WORDS
from lmkit.filters.rules import FIELDS, Rule, list_files, rules_of


def test_rules_are_applied_in_the_order_of_the_papers() -> None:
    rules = [rule.reason for rule in rules_of(FiltersConfig.model_validate({"rules": "gopher"}))]
    assert rules[0] == "gopher.duplicate_paragraphs"
    assert rules[13:15] == ["gopher.min_words", "gopher.max_words"]
    assert rules[-1] == "gopher.stop_words"


def test_the_deciding_value_is_distinguished_from_the_limit() -> None:
    rule = Rule("g.max_x", "g.x", "g.x", True, 0.2)
    assert rule.decided(0.2000004) == "g.x 0.2000004 > 0.2"


def test_every_rule_set_that_can_be_named_has_rules_and_every_list_its_words() -> None:
    assert set(get_args(RuleSet)) == {"basic", *FIELDS}
    assert (*WORDS,) == PROFANITY_LISTS


def test_only_the_lists_of_active_rules_are_read() -> None:
    profanity = {"lists": "en,mine.txt,de:german.txt"}
    filters = FiltersConfig.model_validate({"rules": "profanity", "profanity": profanity})
    option = "--filters.profanity.lists"
    assert list_files(filters) == [(option, Path("mine.txt")), (option, Path("german.txt"))]
    url = {"domains": "bad.txt", "words": "worse.txt"}
    assert list_files(FiltersConfig.model_validate({"rules": "url", "url": url})) == [
        ("--filters.url.domains", Path("bad.txt")),
        ("--filters.url.words", Path("worse.txt")),
    ]
    assert list_files(FiltersConfig()) == []
