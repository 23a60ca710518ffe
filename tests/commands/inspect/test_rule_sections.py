import json
from pathlib import Path

from tests.conftest import Lmkit, records


def test_a_folder_made_without_rules_is_reported(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "out", "--filters.preset", "none")
    exit_code, out, _ = lmkit("inspect", "out", "--rules")
    assert exit_code == 0 and "kept by these limits" in out
    exit_code, _, err = lmkit("inspect", "out", "--rules", "--limits", "min_letters=0.5")
    assert exit_code == 2 and "made without rules" in err


def test_rules_and_documents_of_a_cleaned_folder_are_explained(raw: Path, lmkit: Lmkit) -> None:
    assert lmkit("clean", raw, "--output", "out")[0] == 0
    _, out, _ = lmkit("inspect", "out", "--rules", "--json")
    shown = json.loads(out)
    assert shown["verdicts"] == {
        "documents": 4,
        "empty": 0,
        "kept_as_made": 3,
        "kept_by_these_limits": 3,
    }
    assert shown["rules"][0]["alone"] == 1
    _, out, _ = lmkit("inspect", "out", "--limits", "min-characters=36", "--json")
    assert json.loads(out)["verdicts"]["kept_by_these_limits"] == 0  # all have 35
    (rejected,) = records(Path("out"), "rejected")
    _, out, _ = lmkit("inspect", "out", "--document", rejected["id"], "--json")
    numbers = json.loads(out)["numbers"]
    assert numbers[0] | {"document": ""} == {
        "document": "",
        "rule": "too_short",
        "value": 2,
        "limit": 25,
        "verdict": "drops it",
    }
    assert lmkit("inspect", "out", "--document", "nobody")[0] == 2
    assert lmkit("inspect", "out", "--limits", "nothing=3")[0] == 2
