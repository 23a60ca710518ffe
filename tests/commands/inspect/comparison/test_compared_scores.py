import json
import math
from pathlib import Path

import pytest
import zstandard

from tests.commands.inspect.folders import inspect
from tests.conftest import SMALL_RUN, Lmkit


@pytest.fixture
def evaluated(trained: Path, packed: Path, here: Path, lmkit: Lmkit) -> Path:
    """Two evaluations, of two runs, on the same items and on the same text."""
    assert lmkit("pretrain", packed, "--output", "run", *SMALL_RUN, "--steps", "2")[0] == 0
    lines = [
        {"query": "The cat", "choices": ["mat", "dog ran", "x"], "gold": number % 3}
        for number in range(9)
    ]
    Path("t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for name, run in (("a", trained), ("b", Path("run"))):
        command = ["eval", run, "--task", "t.jsonl", "--data", packed, "--output", name]
        assert lmkit(*command)[0] == 0
    return here


def test_accuracies_have_the_standard_error_of_the_items_differences(
    evaluated: Path, lmkit: Lmkit
) -> None:
    found = inspect(lmkit, "a", "b")
    rows = {row["score"]: row for row in found["tasks"]}
    # All items have the same options, so each model chooses one of them in all nine: the items that
    # it gets right are those with that gold. Of different choices, 3 items are +1 and 3 are -1.
    assert rows["acc"]["a"] == rows["acc"]["b"] == pytest.approx(1 / 3)
    assert rows["acc"]["difference"] == 0
    same, different = 0, math.sqrt(6 / 8 / 9)
    assert any(rows["acc"]["stderr"] == pytest.approx(each) for each in (same, different))
    assert "stderr" not in rows["bits_per_byte"]
    text = {row["score"]: row for row in found["text"]}
    assert text["loss"]["difference"] == pytest.approx(text["loss"]["b"] - text["loss"]["a"])


def test_other_items_have_no_paired_error(evaluated: Path, trained: Path, lmkit: Lmkit) -> None:
    lines = Path("t.jsonl").read_text().replace("The cat", "The dog")
    Path("t.jsonl").write_text(lines)
    assert lmkit("eval", trained, "--task", "t.jsonl", "--output", "c")[0] == 0
    found = inspect(lmkit, "a", "c")
    row = next(row for row in found["tasks"] if row["score"] == "acc")
    assert row["stderr"] is None and found["text"] == []
    assert found["inputs"]


def test_forged_answers_have_no_paired_error(evaluated: Path, lmkit: Lmkit) -> None:
    path = Path("b/answers-00000.jsonl.zst")
    answers = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
    forged = answers.replace(b'"right":true', b'"right":"False"')
    assert forged != answers
    path.write_bytes(zstandard.compress(forged))
    row = next(row for row in inspect(lmkit, "a", "b")["tasks"] if row["score"] == "acc")
    assert row["stderr"] is None
