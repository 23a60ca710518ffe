import json
import math
from pathlib import Path

import pytest

from lmkit.errors import LmkitError
from lmkit.evaluation.scores import Scores, TextScores, read_scores
from lmkit.evaluation.tasks.task_scores import ScoreRecord, TaskScores
from lmkit.evaluation.text_score import Score


def task(value: float) -> TaskScores:
    return TaskScores(
        kind="pair",
        method="likelihood",
        items=2,
        shots=0,
        scores={"acc": ScoreRecord(value=value, stderr=0.5)},
        chance=0.5,
        centered=2 * value - 1,
        cut=0,
        seams=0,
        ties=0,
    )


def test_scores_are_read_as_they_were_written(here: Path) -> None:
    tasks = {"blimp/a": task(0.5), "blimp/b": task(1.0)}
    scores = Scores.of({"a": Score(8.0, 4, 2)}, Path("run/checkpoints/step-1"), tasks)
    Path("scores.json").write_text(json.dumps(scores.to_json()))
    assert read_scores(here) == scores
    assert scores.to_json()["groups"]["blimp"]["scores"]["acc"]["value"] == 0.75


def test_without_held_out_text_its_scores_are_null(here: Path) -> None:
    scores = Scores.of({}, Path("step-1"), {"a": task(1.0)})
    found = scores.to_json()
    assert [found[name] for name in ("loss", "perplexity", "bits_per_byte")] == [None] * 3
    Path("scores.json").write_text(json.dumps(found, allow_nan=False))
    assert math.isnan(read_scores(here).text.loss)


def test_without_tasks_there_are_no_groups() -> None:
    found = Scores.of({"a": Score(8.0, 4, 2)}, Path("step-1"), {}).to_json()
    assert found["tasks"] == {} and "groups" not in found


def test_each_of_several_sources_has_its_scores_and_the_total_counts_tokens_and_bytes(
    here: Path,
) -> None:
    nats = math.log(2)
    sources = {"books": Score(12 * nats, 4, 6), "web": Score(2 * nats, 1, 4)}
    scores = Scores.of(sources, Path("step-1"), {})
    found = scores.to_json()
    assert found["bits_per_byte"] == pytest.approx(1.4)  # 14 bits, 10 bytes
    assert found["loss"] == pytest.approx(14 * nats / 5)
    bits = {name: each["bits_per_byte"] for name, each in found["sources"].items()}
    assert bits == pytest.approx({"books": 2.0, "web": 0.5})
    Path("scores.json").write_text(json.dumps(found))
    assert read_scores(here) == scores


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"tasks": {"a": {}}}'])
def test_corrupt_scores_are_an_error(here: Path, content: str) -> None:
    Path("scores.json").write_text(content)
    with pytest.raises(LmkitError, match=r"scores\.json: corrupt"):
        read_scores(here)


def test_a_python_shell_shows_the_numbers_only() -> None:
    scores = Scores.of({"a": Score(8.0, 4, 2)}, Path("run/step-1"), {"blimp/a": task(0.5)})
    lines = repr(scores).splitlines()
    assert lines[0] == "<lmkit eval: step-1>" and len(lines) == 5
    assert "2.0000" in lines[1] and "7.39" in lines[2] and "acc 0.5000" in lines[4]


@pytest.mark.parametrize("changed", [{"loss": "1"}, {"bits_per_byte": True}, {"tokens": 1.5}])
def test_scores_that_are_no_numbers_are_damage(changed: dict[str, object]) -> None:
    values = {"loss": 1.0, "perplexity": 2, "bits_per_byte": None, "tokens": 3, "bytes": 4}
    assert TextScores.from_json(values).loss == 1.0
    with pytest.raises(TypeError):
        TextScores.from_json({**values, **changed})
