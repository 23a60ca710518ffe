"""Scores: on held-out text as a table, on tasks as dots with their standard errors and chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmkit.evaluation.tasks.score_table import score_sections
from lmkit.evaluation.tasks.task_scores import GroupScores, ScoreRecord, TaskScores
from lmkit.reporting.escaped_html import Html, element, folded, joined, paragraph
from lmkit.reporting.plots import COLORS
from lmkit.reporting.report_data import Evaluation, ReportData
from lmkit.reporting.section import Section
from lmkit.reporting.svg_shapes import picture, shape, shortened, text_at
from lmkit.reporting.tables_html import number, table

MEASURES = ("acc", "acc_norm")
"""The scores that are drawn, the first that a task has."""
LABELS, WIDTH, NOTES, LINE = 250, 820, 130, 17
MAX_TASKS = 40
"""More tasks than these are folded away."""


@dataclass(frozen=True)
class Dot:
    """A score from 0 to 1."""

    evaluation: int
    value: float
    stderr: float | None


@dataclass(frozen=True)
class Line:
    """A task or a group of tasks, and its score in each evaluation."""

    name: str
    dots: tuple[Dot, ...]
    chance: float | None


def score_plots(data: ReportData) -> Section | None:
    """Return the scores of all evaluations."""
    found = data.evaluations
    if not found:
        return None
    content: list[Html] = []
    if texts := [_text_row(each) for each in found if each.scores.tokens]:
        note = (
            "How well a model predicts text that it was not trained on. Perplexity 20 means that "
            "it hesitates between 20 tokens; bits per byte compare models with other tokenizers."
        )
        content += [element("h3", "Held-out text"), paragraph(note), table(texts)]
    if any(each.scores.tasks for each in found):
        content += _tasks(found)
    return Section("Scores", "scores", joined(content))


def _text_row(each: Evaluation) -> dict[str, object]:
    scores = each.scores
    row: dict[str, object] = {
        "evaluation": each.name,
        "checkpoint": scores.checkpoint,
        "loss": scores.loss,
    }
    row |= {"perplexity": scores.perplexity}
    if scores.bytes:
        row["bits per byte"] = scores.bits_per_byte
    return row | {"tokens": scores.tokens}


def _tasks(found: Sequence[Evaluation]) -> list[Html]:
    note = (
        "Share of questions answered rightly. The bar around a dot is one standard error on both "
        "sides: scores whose bars overlap hardly differ. The dashed mark is chance, what guessing "
        "reaches."
    )
    content = [element("h3", "Tasks"), paragraph(note)]
    if len(found) > 1:
        keys = [
            element("span", element("i", class_=f"swatch c{n % COLORS}"), each.name)
            for n, each in enumerate(found)
        ]
        content.append(element("div", *keys, class_="legend"))
    groups = _lines([each.scores.groups for each in found])
    tasks = _lines([each.scores.tasks for each in found])
    if groups:
        content.append(dot_plot(groups, "Groups of tasks"))
    if tasks:
        drawn = [
            dot_plot(tasks[n : n + MAX_TASKS], "Tasks") for n in range(0, len(tasks), MAX_TASKS)
        ]
        few = len(tasks) <= MAX_TASKS
        content += drawn if few else [folded(f"All {len(tasks)} tasks", *drawn)]
    for each in found:
        rows = score_sections(each.scores.tasks, each.scores.groups)
        shown = [table(each_rows) for each_rows in rows.values() if each_rows]
        content.append(folded(f"The scores of {each.name} as numbers", *shown))
    return content


def _lines(found: Sequence[Mapping[str, TaskScores] | Mapping[str, GroupScores]]) -> list[Line]:
    lines: list[Line] = []
    for name in dict.fromkeys(name for scores in found for name in scores):
        dots: list[Dot] = []
        chance: float | None = None
        for position, scores in enumerate(found):
            if (each := scores.get(name)) and (score := _drawn(each.scores)):
                assert score.value is not None
                dots.append(Dot(position, score.value, score.stderr))
                chance = each.chance
        if dots:
            lines.append(Line(name, tuple(dots), chance))
    return lines


def _drawn(scores: Mapping[str, ScoreRecord]) -> ScoreRecord | None:
    found = (scores[name] for name in MEASURES if name in scores)
    return next((each for each in found if each.value is not None), None)


def dot_plot(lines: Sequence[Line], title: str) -> Html:
    """Return a picture with a line for each task."""
    room = WIDTH - LABELS - NOTES
    shapes: list[Html] = []
    top = 6
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LABELS + tick * room
        bottom = sum(_height(line) for line in lines) + 8
        shapes.append(shape("line", x1=x, x2=x, y1=4, y2=bottom, class_="grid"))
        shapes.append(text_at(x, bottom + 14, f"{tick:.0%}", "dim", "middle"))
    for line in lines:
        height = _height(line)
        shapes.append(
            text_at(LABELS - 8, top + height / 2 + 4, shortened(line.name, 34), anchor="end")
        )
        if line.chance is not None:
            x = LABELS + line.chance * room
            shapes.append(
                shape(
                    "line",
                    element("title", f"chance {line.chance:.1%}"),
                    x1=x,
                    x2=x,
                    y1=top + 2,
                    y2=top + height - 2,
                    class_="chance",
                )
            )
        for index, dot in enumerate(line.dots):
            shapes += _dot(dot, top + LINE * (index + 0.5) + 3, room)
        top += height
    notes = "; ".join(f"{line.name} {number(line.dots[0].value)}" for line in lines[:20])
    made = picture(WIDTH, top + 22, f"{title}: {notes}", *shapes)
    return element("div", made, class_="scroll", tabindex=0)


def _height(line: Line) -> int:
    return LINE * len(line.dots) + 6


def _dot(dot: Dot, y: float, room: int) -> list[Html]:
    color, x, error = f"c{dot.evaluation % COLORS}", LABELS + dot.value * room, dot.stderr or 0
    low, high = (LABELS + min(max(dot.value + sign * error, 0), 1) * room for sign in (-1, 1))
    note = f"{dot.value:.1%}" + (f" ± {error:.1%}" if dot.stderr is not None else "")
    return [
        shape("line", x1=low, x2=high, y1=y, y2=y, class_=f"{color} line"),
        shape("circle", element("title", note), cx=x, cy=y, r=4.5, class_=f"{color} dot"),
        text_at(WIDTH - NOTES + 14, y + 4, note, "dim"),
    ]
