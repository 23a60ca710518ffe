from lmkit.evaluation.tasks.score_table import score_sections
from lmkit.evaluation.tasks.task_scores import GroupScores, ScoreRecord, TaskScores

ACC = {"acc": ScoreRecord(value=0.75, stderr=0.25)}
TASK = TaskScores(
    kind="pair",
    method="likelihood",
    items=4,
    shots=0,
    scores=ACC,
    chance=0.5,
    centered=0.5,
    cut=0,
    seams=1,
    ties=1200,
)


def test_a_row_has_each_score_with_its_error_and_what_to_know_about_it() -> None:
    (row,) = score_sections({"t": TASK}, {})["tasks"]
    assert row == {
        "task": "t",
        "items": 4,
        "shots": 0,
        "acc": "0.7500 ± 0.2500",
        "chance": "0.5000",
        "centered": "0.5000",
        "notes": "1,200 ties, 1 with a seam",
    }


def test_a_score_that_a_task_lacks_is_empty() -> None:
    other = TASK.model_copy(update={"scores": {"perplexity": ScoreRecord(value=None, stderr=None)}})
    one, two = score_sections({"a": TASK, "b": other}, {})["tasks"]
    assert (one["perplexity"], two["acc"], two["perplexity"]) == ("", "", "")


def test_groups_have_rows_of_their_own() -> None:
    group = GroupScores(tasks=2, items=8, scores=ACC, chance=0.5, centered=0.5)
    (row,) = score_sections({"g/a": TASK, "g/b": TASK}, {"g": group})["groups"]
    assert (row["group"], row["tasks"], row["acc"]) == ("g", 2, "0.7500 ± 0.2500")
