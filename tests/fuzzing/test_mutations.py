import hashlib
import json
import random
from pathlib import Path

import pytest

from tests.fuzzing.forked_commands import Outcome
from tests.fuzzing.mutations import forge, mutated

RECORD = json.dumps({"a": 1, "b": {"c": [1, 2]}}).encode()


def test_a_number_reproduces_a_mutation(tmp_path: Path) -> None:
    other_file = tmp_path / "other"
    other_file.write_bytes(b"other")
    for number in range(200):
        one, other = (
            mutated(RECORD, "a.json", random.Random(number), [other_file]) for _ in range(2)
        )
        assert one == other


def test_a_forged_file_has_its_new_hash_in_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"new")
    old = hashlib.sha256(b"old one").hexdigest()
    manifest = {"outputs": [{"name": "data", "sha256": old, "bytes": 7}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    forge(tmp_path, tmp_path / "data", b"old one")
    (output,) = json.loads((tmp_path / "manifest.json").read_text())["outputs"]
    assert output == {"name": "data", "sha256": hashlib.sha256(b"new").hexdigest(), "bytes": 3}


@pytest.mark.parametrize(
    ("outcome", "failure"),
    [
        (Outcome(0, 1, "fine"), None),
        (Outcome(2, 1, "Error: no"), None),
        (Outcome(1, 1, "Traceback (most recent call last)"), "Traceback"),
        (Outcome(-6, 1, ""), "exit code -6"),
        (Outcome(-9, 1, ""), "hung, 1 s"),
        (Outcome(0, 11, ""), "hung, 11 s"),
    ],
)
def test_what_counts_as_a_failure(outcome: Outcome, failure: str | None) -> None:
    assert outcome.failure == failure
