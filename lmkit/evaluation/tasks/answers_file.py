"""The answers to a task, an item a line.

    answers-00003.jsonl.zst    {"task", "line", "contexts", "continuations", "log_likelihoods",
                                "tokens", "greedy", "chosen", "gold", "right"}

Choices:
- A task has a file of its own, in the order of the tasks. So a run that was killed resumes after
  the last task that is finished.
- Contexts stand without the examples before them, which are made again from the same file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import StrictBool, StrictInt, StrictStr, ValidationError

from lmkit.artifacts.documents_file import RecordsFile
from lmkit.artifacts.manifest import Record
from lmkit.artifacts.record_samples import read_records
from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import LmkitError
from lmkit.evaluation.tasks.item import Answer
from lmkit.evaluation.tasks.measures import chosen
from lmkit.evaluation.tasks.task_file import Task
from lmkit.evaluation.tasks.task_scores import ACCURACY, TaskScores, task_scores

ANSWERS = "answers"


class GivenAnswer(Record):
    """An item of a task that has an accuracy, and whether its answer is right."""

    line: StrictInt
    contexts: tuple[StrictStr, ...]
    continuations: tuple[StrictStr, ...]
    right: StrictBool

    @property
    def question(self) -> tuple[object, ...]:
        """What is the same for every model."""
        return self.line, self.contexts, self.continuations


def read_answers(path: Path, items: int) -> list[GivenAnswer]:
    """Read the answers to a task that has an accuracy. Raises LmkitError if they are damaged."""
    found: list[GivenAnswer] = []
    for number, record in enumerate(read_records(path, range(items)), 1):
        try:
            found.append(GivenAnswer.model_validate(record))
        except ValidationError:
            raise LmkitError(
                f"{path}: line {number} is no answer of lmkit eval", "make that folder again"
            ) from None
    return found


def write_answers(task: Task, answers: Sequence[Answer], method: str, writer: TaskWriter) -> None:
    """Write the answers to a task, given how they were scored; the receipt gets its scores."""
    writer.read = task.read
    with RecordsFile(writer, ANSWERS) as file:
        for answer in answers:
            file.write(answer_record(task, answer))
    scores = task_scores(task, answers, method)
    writer.facts = {"task": task.name, "scores": scores.model_dump(mode="json")}


def scores_in(facts: dict[str, Any]) -> tuple[str, TaskScores]:
    """Return the name of a task and its scores from a receipt."""
    return facts["task"], TaskScores.model_validate(facts["scores"])


def answer_record(task: Task, answer: Answer) -> dict[str, Any]:
    """Return the line of an item."""
    item, accuracy = answer.item, task.measures.get(ACCURACY)
    return {
        "task": task.name,
        "line": item.line,
        "contexts": item.contexts,
        "continuations": item.continuations,
        "log_likelihoods": [scored.log_likelihood for scored in answer.scored],
        "tokens": [scored.tokens for scored in answer.scored],
        "greedy": [scored.is_greedy for scored in answer.scored],
        "chosen": chosen(answer, task.style.option_length),
        "gold": item.gold,
        "right": None if accuracy is None else accuracy.of_answer(answer) == 1,
    }
