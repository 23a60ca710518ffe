"""What only a folder of `lmkit eval` shows: the scores, and the items that a model got wrong."""

from typing import Any

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.artifacts.record_samples import read_records
from lmkit.commands.inspect.folder_kind import FolderKind, Sections
from lmkit.commands.inspect.options import InspectConfig
from lmkit.commands.inspect.record_sections import shortened
from lmkit.errors import InputError
from lmkit.evaluation.scores import TextScores, source_rows
from lmkit.evaluation.tasks.score_table import score_sections
from lmkit.evaluation.tasks.task_scores import GroupScores, TaskScores
from lmkit.storage.json_bytes import read_object
from lmkit.suggestions import did_you_mean

TABLES = {"tasks", "groups", "sources"}
"""What has a table of its own."""


def eval_sections(folder: OpenedFolder) -> Sections:
    """Return the scores on held-out text, of each source, on tasks, and on groups of tasks."""
    found = _scores(folder)
    text = {name: value for name, value in found.items() if name not in TABLES}
    if not text.get("tokens"):
        text = {name: value for name, value in text.items() if name == "checkpoint"}
    groups = found.get("groups", {})
    try:
        named = {name: GroupScores.model_validate(each) for name, each in groups.items()}
        sources = {n: TextScores.from_json(each) for n, each in found.get("sources", {}).items()}
        tables = score_sections(_tasks(found), named)
        return {"scores": text, "sources": source_rows(sources), **tables}
    except (ValueError, AttributeError, KeyError, TypeError):
        return {"scores": text}


def wrong_answer_sections(config: InspectConfig, folder: OpenedFolder, task: str) -> Sections:
    """Return the scores of a task, and items that the model got wrong. Raises InputError."""
    try:
        scores = _tasks(_scores(folder))
    except (ValueError, AttributeError):
        raise InputError(f"{config.folder / 'scores.json'}: damaged", "make it again") from None
    if task not in scores:
        raise InputError(
            f"--task: {config.folder} has no task {task}{did_you_mean(task, scores)}",
            f"its tasks are {', '.join(scores)}"
            if scores
            else "score a run with lmkit eval --task",
        )
    number = list(scores).index(task)
    path = config.folder / f"answers-{number:05d}.jsonl.zst"
    answers = read_records(path, range(scores[task].items))
    try:
        wrong = [answer for answer in answers if answer["right"] is False]
        shown = [_wrong_answer(answer) for answer in wrong[: config.samples]]
    except (KeyError, TypeError, IndexError):
        raise InputError(f"{path}: damaged", "make that folder again") from None
    facts = {"items": len(answers), "wrong": len(wrong), "shown": len(shown)}
    return {"answers": facts, **score_sections({task: scores[task]}, {}), "wrong_answers": shown}


def _wrong_answer(answer: dict[str, Any]) -> Sections:
    """Return an item with the options and their log-likelihoods."""
    count = len(answer["log_likelihoods"])
    contexts, continuations = answer["contexts"], answer["continuations"]
    options = contexts if len(contexts) > 1 else continuations
    shown: Sections = {"line": answer["line"]}
    shown |= {"text": shortened(contexts[0] if len(contexts) == 1 else continuations[0])}
    for number, value in enumerate(answer["log_likelihoods"]):
        marks = ["right"] * (number == answer["gold"])
        marks += ["chosen"] * (number == answer["chosen"] and count > 1)
        name = f"option {number}" + (f" ({', '.join(marks)})" if marks else "")
        shown[name] = f"{shortened(options[number])}  [{value}]"
    return shown


def _scores(folder: OpenedFolder) -> dict[str, Any]:
    """Return the content of scores.json; nothing where it is missing or damaged."""
    try:
        return read_object(folder.path / "scores.json")
    except (OSError, ValueError):
        return {}  # not finished, or listed in the problems


def _tasks(scores: dict[str, Any]) -> dict[str, TaskScores]:
    tasks = scores.get("tasks", {})
    return {name: TaskScores.model_validate(each) for name, each in tasks.items()}


EVAL = FolderKind(eval_sections)
