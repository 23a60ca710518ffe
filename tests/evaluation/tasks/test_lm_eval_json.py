from lmkit.evaluation.tasks.lm_eval_json import lm_eval_json
from lmkit.evaluation.tasks.task_scores import ScoreRecord, TaskScores, group_scores


def task(value: float, stderr: float | None) -> TaskScores:
    return TaskScores(
        kind="pair",
        method="likelihood",
        items=4,
        shots=3,
        scores={
            "acc": ScoreRecord(value=value, stderr=stderr),
            "bits_per_byte": ScoreRecord(value=2.0, stderr=None),
        },
        chance=0.5,
        centered=0.0,
        cut=0,
        seams=0,
        ties=0,
    )


def test_scores_have_the_keys_of_lm_evaluation_harness() -> None:
    tasks = {"blimp/a": task(0.5, 0.25), "blimp/b": task(1.0, None), "other": task(0.0, 0.0)}
    found = lm_eval_json(tasks, group_scores(tasks), "step-00000008")
    assert found["results"]["blimp/a"] == {
        "alias": "blimp/a",
        "acc,none": 0.5,
        "acc_stderr,none": 0.25,
        "bits_per_byte,none": 2.0,
        "bits_per_byte_stderr,none": "N/A",
        "sample_len": 4,
    }
    assert found["groups"]["blimp"]["acc,none"] == 0.75
    assert found["results"]["blimp"] == found["groups"]["blimp"]
    assert found["group_subtasks"] == {"blimp": ["blimp/a", "blimp/b"]}
    assert found["n-shot"]["other"] == 3
    assert found["n-samples"]["other"] == {"original": 4, "effective": 4}
    assert found["higher_is_better"]["other"] == {"acc": True, "bits_per_byte": False}
