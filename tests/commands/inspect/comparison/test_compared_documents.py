import json
from pathlib import Path

import numpy as np
import pytest

from lmkit.commands.inspect.comparison.compared_documents import Fates
from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit

TEXTS = {
    "short": "a text of twenty-nine letters",
    "long": "a much longer text, which every limit of these tests lets through, always",
    "other": "one more of the long texts that no limit of these tests would ever drop",
}


def cleaned(lmkit: Lmkit, name: str, ids: tuple[str, ...], *options: str) -> Path:
    raw = Path(f"{name}.jsonl")
    raw.write_text("\n".join(json.dumps({"id": each, "text": TEXTS[each]}) for each in ids))
    assert lmkit("clean", raw, "--output", name, *options)[0] == 0
    return Path(name)


@pytest.mark.parametrize("form", ["jsonl.zst", "parquet"])
def test_documents_are_only_in_one_or_have_another_fate(
    here: Path, lmkit: Lmkit, form: str
) -> None:
    a = cleaned(lmkit, "a", ("short", "long"), "--output-format", form)
    b = cleaned(lmkit, "b", ("short", "long", "other"), "--filters.min-characters", "40")
    found = inspect(lmkit, a, b)
    fates = {(row["a"], row["b"]): row["documents"] for row in found["documents"]}
    assert fates == {("kept", "too_short"): 1, ("not there", "kept"): 1}
    texts = {(row["a"], row["b"]): row["text"] for row in found["examples"]}
    assert texts == {
        ("kept", "too_short"): TEXTS["short"],
        ("not there", "kept"): TEXTS["other"],
    }
    assert inspect(lmkit, a, b, "--samples", "0")["examples"] == []


def test_two_reasons_of_dropping_differ(here: Path, lmkit: Lmkit) -> None:
    a = cleaned(lmkit, "a", ("short", "long"), "--filters.min-characters", "40")
    options = ("--filters.min-characters", "none", "--filters.min-letters", "0.99")
    b = cleaned(lmkit, "b", ("short", "long"), *options)
    fates = [(row["a"], row["b"]) for row in inspect(lmkit, a, b)["documents"]]
    assert len(fates) == 2 and all("kept" in pair or "too_short" in pair for pair in fates)
    assert all(one != two for one, two in fates)


def test_an_absent_document_has_the_last_code() -> None:
    fates = Fates(np.array([3, 9], np.uint64), np.array([1, 0], np.uint16), ("kept", "short"))
    assert fates.of(np.array([2, 3, 9, 11], np.uint64)).tolist() == [2, 1, 0, 2]
    nothing = Fates(np.empty(0, np.uint64), np.empty(0, np.uint16), ("kept",))
    assert nothing.of(np.array([5], np.uint64)).tolist() == [1]
