import json
from pathlib import Path

import pytest

from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit


@pytest.fixture
def evaluated(trained: Path, here: Path, lmkit: Lmkit) -> Path:
    """Scores of a task whose answers are equal, so the first is always chosen."""
    choice = {"query": "The cat sat on the", "choices": ["mat", "mat"]}
    lines = [choice | {"gold": number % 2} for number in range(6)]
    Path("same.jsonl").write_text("\n".join(map(json.dumps, lines)))
    Path("texts.jsonl").write_text(json.dumps({"text": "The cat sat."}))
    command = ["eval", trained, "--task", "same.jsonl", "--task", "texts.jsonl"]
    assert lmkit(*command, "--output", "scores")[0] == 0
    return Path("scores")


def test_a_folder_shows_the_scores_of_its_tasks(evaluated: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, evaluated)
    assert found["scores"] == {"checkpoint": "step-00000008"}
    same, texts = found["tasks"]
    assert (same["task"], same["items"], same["notes"]) == ("same", 6, "6 ties")
    assert same["acc"].startswith("0.5000 ± 0.2236") and texts["acc"] == ""


def test_text_of_several_sources_is_a_table(trained: Path, here: Path, lmkit: Lmkit) -> None:
    for name, text in (("a.jsonl", "The cat sat."), ("b.jsonl", "A dog ran far away.")):
        Path(name).write_text(json.dumps({"text": text}))
    command = ["eval", trained, "--data", "a.jsonl", "--data", "b.jsonl", "--output", "scores"]
    assert lmkit(*command)[0] == 0
    found = inspect(lmkit, Path("scores"))
    assert [(row["source"], row["bytes"]) for row in found["sources"]] == [
        ("a.jsonl", 12),
        ("b.jsonl", 19),
    ]
    assert found["scores"]["bytes"] == 31 and "sources" not in found["scores"]


def test_the_items_that_were_wrong_can_be_shown(evaluated: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, evaluated, "--task", "same", "--samples", "2")
    assert found["answers"] == {"items": 6, "wrong": 3, "shown": 2}
    first, second = found["wrong_answers"]
    assert (first["line"], second["line"]) == (2, 4)
    assert first["text"] == "The cat sat on the"
    assert "option 0 (chosen)" in first and "option 1 (right)" in first


def test_an_unknown_task_is_an_error_with_a_suggestion(evaluated: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("inspect", evaluated, "--task", "sama")
    assert exit_code == 2 and "has no task sama; did you mean same?" in err
    exit_code, _, err = lmkit("inspect", evaluated.parent / "scores", "--task", "x")
    assert exit_code == 2 and "its tasks are same, texts" in err


def test_damaged_scores_are_a_problem_and_no_error(evaluated: Path, lmkit: Lmkit) -> None:
    (evaluated / "scores.json").write_text("{")
    found = inspect(lmkit, evaluated)
    assert found["problems"] and not found["tasks"]
    Path("scores/scores.json").write_text(json.dumps({"tasks": {"a": 1}, "tokens": 0}))
    assert "problems" in inspect(lmkit, evaluated)
