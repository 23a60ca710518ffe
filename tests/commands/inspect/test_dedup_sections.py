import json
from pathlib import Path

import pytest

from lmkit.artifacts.manifest import Counts, Manifest, Plan
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.dedup_sections import dedup_sections
from lmkit.commands.inspect.folder_sections import MAX_INPUTS
from lmkit.errors import InputError
from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit, manifest

MADE = {"format": 2, "stage": "dedup", "lmkit": "0.1.0", "config": {}, "inputs": ()}


def opened(details: dict[str, object]) -> OpenedFolder:
    found = {"outputs": (), "counts": Counts(), "seconds": 1, "details": details}
    return OpenedFolder(Path("out"), Manifest.model_validate(MADE | found))


def test_test_sets_are_listed_by_what_was_found_and_the_rest_is_counted() -> None:
    counts = {"items": 9, "too_short": 0, "documents": 1}
    rows = [
        {"set": f"{number:02}", **counts, "found": number % 3, "share": number % 3 / 9}
        for number in range(MAX_INPUTS + 5)
    ]
    shown = dedup_sections(opened({"clusters": {}, "test_sets": rows}))["test_sets"]
    assert [row["set"] for row in shown[:2]] == ["02", "05"] and shown[0] == rows[2]
    assert len(shown) == MAX_INPUTS + 1 and shown[-1] == {"set": "and 5 more"}


def test_an_unfinished_folder_has_no_clusters_yet() -> None:
    assert dedup_sections(OpenedFolder(Path("out"), Plan.model_validate(MADE))) == {}


def test_details_of_another_form_are_reported_as_damaged() -> None:
    with pytest.raises(InputError, match=r"out/manifest\.json: damaged"):
        dedup_sections(opened({"clusters": "many"}))


def test_a_deduplicated_folder_shows_what_its_manifest_records(here: Path, lmkit: Lmkit) -> None:
    texts = ["one two three four five six seven"] * 2 + ["other words"]
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts))
    Path("a.jsonl").write_text("\n".join(lines))
    lmkit("dedup", "a.jsonl", "--output", "out")
    found, details = inspect(lmkit, "out"), manifest(Path("out"))["details"]
    assert found["clusters"] == [{"documents": 2, "clusters": 1}]
    assert found["largest_clusters"] == details["largest_clusters"]
    assert found["duplicates"] == details["duplicates"]
    assert details["duplicates"][0]["reason"] == "exact" and "index" not in details
