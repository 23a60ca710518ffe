import json
from pathlib import Path

import pytest

from lmkit.evaluation.processes import ALONE, Processes
from lmkit.evaluation.tasks import dealt_tasks, task_scorer
from lmkit.evaluation.tasks.dealt_tasks import answer_together
from lmkit.evaluation.tasks.item import Answer
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.evaluation.tasks.task_scorer import TaskScorer
from lmkit.evaluation.tasks.token_spans import RequestEncoder
from tests.evaluation.tasks.words import Bigrams, encode
from tests.evaluation.together import together

TABLE = {("<s>", " cats"): 0.5, ("<s>", " dogs"): 0.25, (" cats", " dogs"): 0.125}
SIZES = {"a": 5, "b": 1, "c": 7, "d": 2}


@pytest.fixture
def tasks(here: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Task, ...]:
    """Return four tasks of several kinds, which are answered two items at a time."""
    for module in (dealt_tasks, task_scorer):
        monkeypatch.setattr(module, "ITEMS_AT_A_TIME", 2)
    monkeypatch.setattr(dealt_tasks, "BLOCKS_EACH", 1)
    for name, size in SIZES.items():
        words = [("cats", "dogs")[number % 3 == 0] for number in range(size)]
        choices = [
            {"query": word, "choices": ["dogs", "cats", "cats dogs"], "gold": number % 3}
            for number, word in enumerate(words)
        ]
        texts = [{"text": f"{word} cats"} for word in words]
        lines = texts if name == "b" else choices
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    files = tuple(Path(f"{name}.jsonl") for name in SIZES)
    return read_task_files(TaskOptions(task=files, shots=1), 10_000).tasks


def all_answers(tasks: tuple[Task, ...], processes: Processes) -> tuple[list[list[Answer]], int]:
    """Return the answers, and how often a step was counted."""
    steps: list[None] = []
    scorer = TaskScorer(RequestEncoder(encode, 0, 0, 99), Bigrams(TABLE))
    found = answer_together(scorer, tasks, processes, lambda: steps.append(None))
    return list(found), len(steps)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_every_process_has_the_answers_of_one(size: int, tasks: tuple[Task, ...]) -> None:
    expected = all_answers(tasks, ALONE)
    assert expected[1] == sum(SIZES.values())
    assert [len(found) for found in expected[0]] == [len(task.items) for task in tasks]
    for found in together(size, lambda processes: all_answers(tasks, processes)):
        assert found == expected


def test_each_block_is_computed_by_one_process(
    tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, computed = TaskScorer.block_answers, list[tuple[str, int]]()

    def record(self: TaskScorer, task: Task, block: task_scorer.Block, *rest: object) -> object:
        computed.extend((task.name, item.line) for item, _ in block)
        return real(self, task, block)

    monkeypatch.setattr(TaskScorer, "block_answers", record)
    together(2, lambda processes: all_answers(tasks, processes))
    assert sorted(computed) == sorted(
        (task.name, item.line) for task in tasks for item in task.items
    )
