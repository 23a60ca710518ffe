"""Two evaluations: their scores side by side, with the standard error of the difference.

Choice: both models answered the same items, so the errors are paired (Miller 2024, "Adding Error
Bars to Evals", arXiv 2411.00640, section 4): the standard error is that of the items' differences,
which is smaller than what the two scores' own errors suggest. Where the items aren't the same,
there is none.
"""

from collections.abc import Mapping

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.comparison.folder_pair import Pair
from lmkit.commands.inspect.folder_kind import Sections
from lmkit.errors import LmkitError
from lmkit.evaluation.scores import Scores, TextScores, read_scores
from lmkit.evaluation.tasks.answers_file import ANSWERS, GivenAnswer, read_answers
from lmkit.evaluation.tasks.measures import mean
from lmkit.evaluation.tasks.task_scores import ACCURACY

SHOWN = ("acc", "acc_norm", "bits_per_byte", "perplexity")


def score_differences(pair: Pair) -> Sections:
    """Return the scores on text and on tasks that both have. Raises LmkitError if damaged."""
    finished = [read_scores(each.path) if each.manifest else None for each in pair.folders]
    first, second = finished
    if first is None or second is None:
        return {}
    return {"text": _text_rows(pair, first, second), "tasks": _task_rows(pair, first, second)}


def _text_rows(pair: Pair, first: Scores, second: Scores) -> list[Sections]:
    texts: list[Mapping[str, TextScores]] = [
        {"all": each.text, **each.sources} if each.text.tokens else {} for each in (first, second)
    ]
    return [
        pair.row({"source": name, "score": score}, *values) | {"difference": values[1] - values[0]}
        for name in texts[0]
        if name in texts[1]
        for score in ("loss", "bits_per_byte")
        if all(each[name].bytes or score == "loss" for each in texts)
        for values in [[getattr(each[name], score) for each in texts]]
    ]


def _task_rows(pair: Pair, first: Scores, second: Scores) -> list[Sections]:
    rows: list[Sections] = []
    for task, scores in first.tasks.items():
        if task not in second.tasks:
            continue
        others = second.tasks[task]
        for name in (each for each in SHOWN if each in scores.scores and each in others.scores):
            values = scores.scores[name].value, others.scores[name].value
            row = pair.row({"task": task, "score": name}, *values)
            if values[0] is not None and values[1] is not None:
                row["difference"] = values[1] - values[0]
            if name == ACCURACY:
                row["stderr"] = _paired_error(pair, task, first, second)
            rows.append(row)
    return rows


def _paired_error(pair: Pair, task: str, first: Scores, second: Scores) -> float | None:
    """Return the standard error of the difference of two accuracies on the same items."""
    answers = [
        _answers(folder, list(scores.tasks).index(task), scores.tasks[task].items)
        for folder, scores in zip(pair.folders, (first, second), strict=True)
    ]
    asked = [[each.question for each in found] for found in answers]
    if not asked[0] or asked[0] != asked[1]:
        return None
    pairs = zip(*answers, strict=True)
    return mean([float(b.right) - float(a.right) for a, b in pairs]).stderr


def _answers(folder: OpenedFolder, number: int, items: int) -> list[GivenAnswer]:
    try:
        return read_answers(folder.path / f"{ANSWERS}-{number:05d}.jsonl.zst", items)
    except LmkitError:
        return []  # listed in the problems of the folder
