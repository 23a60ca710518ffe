from pathlib import Path

from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit, manifest


def test_a_cleaned_folder_shows_the_outcomes_by_rule_and_source(work: Path, lmkit: Lmkit) -> None:
    found, details = inspect(lmkit, work / "clean"), manifest(work / "clean")["details"]
    assert [(row["rule"], row["documents"]) for row in found["by_rule"]] == [("too_short", 1)]
    assert sum(row["in"] for row in found["by_source"]) == 7
    assert found["dropped_examples"] == details["dropped_examples"]
