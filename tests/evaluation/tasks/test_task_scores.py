import math
from pathlib import Path

import pytest

from lmkit.evaluation.tasks.item import Answer, Item, Scored
from lmkit.evaluation.tasks.kinds.pair import PAIR
from lmkit.evaluation.tasks.kinds.whole_text import TEXT
from lmkit.evaluation.tasks.styles.lm_eval import LM_EVAL
from lmkit.evaluation.tasks.styles.task_style import ExamplePool
from lmkit.evaluation.tasks.task_file import Task
from lmkit.evaluation.tasks.task_scores import (
    ScoreRecord,
    TaskScores,
    group_scores,
    task_scores,
)
from lmkit.evaluation.tasks.task_settings import TaskSettings
from tests.evaluation.tasks.answers import answer

NO_POOL = ExamplePool((), is_own=True)


def scores_of(answers: list[Answer], **settings: object) -> TaskScores:
    items = tuple(each.item for each in answers)
    found = TaskSettings.model_validate(settings)
    return task_scores(
        Task("t", Path("t.jsonl"), PAIR, items, found, ExamplePool(items, is_own=True), LM_EVAL),
        answers,
        "likelihood",
    )


def scored(value: float, items: int, stderr: float | None = 0.1) -> TaskScores:
    return TaskScores(
        kind="pair",
        method="likelihood",
        items=items,
        shots=0,
        scores={"acc": ScoreRecord(value=value, stderr=stderr)},
        chance=0.5,
        centered=2 * value - 1,
        cut=0,
        seams=0,
        ties=0,
    )


def test_a_task_has_accuracy_chance_and_centered_accuracy() -> None:
    found = scores_of([answer([-1, -2]), answer([-2, -1]), answer([-1, -2]), answer([-1, -2])])
    assert found.scores["acc"] == ScoreRecord(value=0.75, stderr=0.25)
    assert (found.items, found.chance, found.centered) == (4, 0.5, 0.5)


def test_a_baseline_that_is_set_is_chance() -> None:
    found = scores_of([answer([-1, -2])], random_baseline=0.403, shots=3)
    assert (found.chance, found.centered, found.shots) == (0.403, 1.0, 3)
    assert found.scores["acc"].stderr is None


def test_a_model_without_weights_ties_on_every_pair_and_is_reported() -> None:
    found = scores_of([answer([-145.56, -145.56])] * 4)
    assert (found.scores["acc"].value, found.ties) == (1.0, 4)


def test_cut_contexts_and_seams_are_counted_by_item() -> None:
    item = Item(1, ("",), ("a", "b"), 0)
    both = (Scored(-1, False, 1, is_cut=True), Scored(-2, False, 1, is_cut=True, has_seam=True))
    found = scores_of([Answer(item, both), answer([-1, -2])])
    assert (found.cut, found.seams) == (1, 1)


def test_a_diverged_model_scores_null() -> None:
    found = scores_of([answer([math.nan, math.nan])])
    assert found.scores["bits_per_byte"].value is None


def test_a_text_has_no_accuracy() -> None:
    one = answer([-10], ["ab cd ef"])
    task = Task("t", Path("t"), TEXT, (one.item,), TaskSettings(shots=3), NO_POOL, LM_EVAL)
    found = task_scores(task, [one], "pll original")
    assert (found.chance, found.centered, found.shots) == (None, None, 0)
    assert "acc" not in found.scores and found.method == "pll original"


def test_a_folder_is_a_group_with_the_folders_in_it() -> None:
    tasks = {
        "eval/arc": scored(0.25, 100),
        "eval/blimp/a": scored(0.5, 4, 0.288675),
        "eval/blimp/b": scored(1.0, 2, 0.0),
        "other/alone": scored(1.0, 2),
        "top": scored(1.0, 2),
    }
    groups = group_scores(tasks)
    assert [*groups] == ["eval", "eval/blimp"]
    blimp = groups["eval/blimp"]
    assert (blimp.tasks, blimp.items, blimp.chance, blimp.centered) == (2, 6, 0.5, 0.5)
    assert blimp.scores["acc"].value == 0.75
    assert blimp.scores["acc"].stderr == pytest.approx(0.204124, abs=1e-6)
    assert groups["eval"].scores["acc"].value == pytest.approx(1.75 / 3)


def test_a_group_has_the_scores_that_all_its_tasks_have() -> None:
    text = scored(0.5, 2).model_copy(update={"scores": {}, "chance": None, "centered": None})
    found = group_scores({"g/a": scored(0.5, 2), "g/b": text})["g"]
    assert (found.scores, found.chance, found.centered) == ({}, None, None)


def test_the_centered_accuracy_of_a_group_is_the_mean_of_its_tasks() -> None:
    of_four = scored(0.5, 8).model_copy(update={"chance": 0.25, "centered": 1 / 3})
    found = group_scores({"core/a": of_four, "core/b": scored(0.9, 2)})["core"]
    assert found.centered == pytest.approx((1 / 3 + 0.8) / 2)
