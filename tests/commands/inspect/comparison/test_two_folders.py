import json
from pathlib import Path

import pytest

from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit, prose


def cleaned(lmkit: Lmkit, name: str, *options: str) -> Path:
    texts = prose(6, words=20)
    lines = (json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts))
    Path("raw.jsonl").write_text("\n".join(lines))
    assert lmkit("clean", "raw.jsonl", "--output", name, *options)[0] == 0
    return Path(name)


def test_what_differs_is_shown_and_nothing_else(here: Path, lmkit: Lmkit) -> None:
    a = cleaned(lmkit, "a")
    b = cleaned(lmkit, "b", "--filters.min-characters", "100000")
    found = inspect(lmkit, a, b)
    assert [row["name"] for row in found["folders"]] == ["a", "b"]
    assert found["options"] == [{"option": "--filters.min-characters", "a": 25, "b": 100_000}]
    assert found["inputs"] == []
    counts = {row["count"]: (row["a"], row["b"]) for row in found["counts"]}
    assert counts["out"] == (6, 0) and "in" not in counts
    assert counts["dropped.too_short"] == (None, 6)
    same = inspect(lmkit, a, a)
    assert not any(same[title] for title in ("options", "inputs", "counts", "documents"))
    assert "--filters.min-characters" in lmkit("inspect", a, b)[1]


def test_a_changed_input_is_named(here: Path, lmkit: Lmkit) -> None:
    a = cleaned(lmkit, "a")
    Path("other.jsonl").write_text(json.dumps({"text": "another text that is long enough"}))
    assert lmkit("clean", "other.jsonl", "--output", "b")[0] == 0
    lines = {row["input"] for row in inspect(lmkit, a, "b")["inputs"]}
    assert lines == {"input raw.jsonl is gone", "input other.jsonl is new"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "packed"), "a was made by lmkit clean, and packed by lmkit pack"),
        (("a", "nowhere"), "nowhere: no such folder"),
        (("a", "a", "--document", "1"), "--document: not allowed with two folders"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    packed: Path, here: Path, lmkit: Lmkit, arguments: tuple[str, ...], message: str
) -> None:
    cleaned(lmkit, "a")
    Path("packed").symlink_to(packed)
    exit_code, out, err = lmkit("inspect", *arguments)
    assert (exit_code, out) == (2, "") and f"Error: {message}" in err
