from pathlib import Path

import pytest

from lmkit.filters.options import FiltersConfig


def test_only_the_lists_of_active_rules_are_read() -> None:
    profanity = {"lists": "en,mine.txt,de:german.txt"}
    filters = FiltersConfig.model_validate({"rules": "profanity", "profanity": profanity})
    option = "--filters.profanity.lists"
    assert filters.list_files() == [(option, Path("mine.txt")), (option, Path("german.txt"))]
    assert FiltersConfig().list_files() == []


def test_lists_that_no_rule_uses_are_refused() -> None:
    with pytest.raises(ValueError, match=r"add profanity to --filters\.rules"):
        FiltersConfig.model_validate({"profanity": {"lists": "de"}})
