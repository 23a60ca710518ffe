import json
from pathlib import Path

import pytest

from lmkit.artifacts import sorted_runs
from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.dedup.run import dedup
from lmkit.deduplication import (
    exact,
    near_duplicates,
    ranking,
    signature_files,
)
from lmkit.deduplication.clusters import cluster_counts, clustering, prefix_filter
from lmkit.deduplication.keep_policy import DocumentKey
from lmkit.deduplication.near_duplicates import cluster_name
from tests.conftest import contents, prose


def test_a_cluster_is_named_after_a_document_whatever_its_path() -> None:
    one = DocumentKey("s", "1", "digest", "here", 10, None)
    assert cluster_name(one) == cluster_name(one._replace(path="there"))
    assert cluster_name(one) != cluster_name(one._replace(id="2"))


def test_the_result_does_not_depend_on_how_much_is_matched_at_a_time(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = prose(4, 120)
    versions = [
        " ".join(word for n, word in enumerate(text.split()) if n % 60 != left_out)
        for text in texts
        for left_out in (*range(0, 60, 4), 8)
    ]
    lines = [json.dumps({"id": str(n * 7 % 64), "text": t}) for n, t in enumerate(versions)]
    for number in range(3):
        Path(f"{number}.jsonl").write_text("\n".join(lines[number::3]))
    inputs = tuple(Path(f"{number}.jsonl") for number in range(3))

    def outputs(name: str) -> dict[str, bytes]:
        config = {"inputs": inputs, "output": Path(name), "repeats": {"passages": 20}}
        done = dedup(DedupConfig.model_validate({**config, "workers": 1}))
        assert done.counts.dropped["near_duplicate"] > 10
        assert done.counts.dropped["exact_duplicate"] == 4
        return contents(Path(name))

    expected = outputs("at-once")
    for module, names in {
        cluster_counts: ("RUN", "PARTITION"),
        clustering: ("FEW", "MANY"),
        exact: ("MATCHED", "KEYS_AT_ONCE"),
        near_duplicates: ("AT_ONCE", "LARGE_GROUP"),
        prefix_filter: ("ENTRIES",),
        ranking: ("PARTITION",),
        signature_files: ("MATCHED", "EDGES", "GROUPED_ROWS", "READ_AHEAD"),
        sorted_runs: ("RUN",),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, 20)
    assert outputs("in-pieces") == expected
