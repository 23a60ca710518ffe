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
LINE = 17
MAX_TASKS = 40
"""More tasks than these are folded away."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of a picture are."""

    start: int
    """Where 0 is; the names are left of it."""
    end: int
    """Where 1 is; the numbers are right of it."""
    width: int
    name_height: int = 0
    """Room above each line for its name, where there is none at the left."""

    def at(self, share: float) -> float:
        """Return the position of a score."""
        return self.start + share * (self.end - self.start)

    def height(self, line: "Line") -> int:
        """Return the height of a line."""
        return LINE * len(line.dots) + 6 + self.name_height


WIDE = Layout(start=250, end=690, width=820)
NARROW = Layout(start=4, end=240, width=350, name_height=16)
"""For narrow screens."""


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
    if texts := [row for each in found if each.scores.text.tokens for row in _text_rows(each)]:
        note = (
            "How well a model predicts text that it was not trained on. Perplexity 20 means that "
            "it hesitates between 20 tokens; bits per byte compare models with other tokenizers."
        )
        content += [element("h3", "Held-out text"), paragraph(note), table(texts)]
    if any(each.scores.tasks for each in found):
        content += _tasks(found)
    return Section("Scores", "scores", joined(content))


def _text_rows(each: Evaluation) -> list[dict[str, object]]:
    """Return the rows of all text, and of each source where there are several."""
    scores = each.scores
    parts = {"all": scores.text, **scores.sources} if scores.sources else {"": scores.text}
    rows: list[dict[str, object]] = []
    for name, text in parts.items():
        row: dict[str, object] = {"evaluation": each.name, "checkpoint": scores.checkpoint}
        row |= {"source": name} if name else {}
        row |= {"loss": text.loss, "perplexity": text.perplexity}
        row |= {"bits per byte": text.bits_per_byte} if text.bytes else {}
        rows.append(row | {"tokens": text.tokens})
    return rows


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
    """Return a picture with a line for each task, for wide and for narrow screens."""
    notes = "; ".join(f"{line.name} {number(line.dots[0].value)}" for line in lines[:20])
    wide, narrow = (_picture(lines, f"{title}: {notes}", layout) for layout in (WIDE, NARROW))
    return joined(
        [
            element("div", wide, class_="scroll across"),
            element("div", narrow, class_="scroll down"),
        ]
    )


def _picture(lines: Sequence[Line], label: str, layout: Layout) -> Html:
    bottom = sum(map(layout.height, lines)) + 8
    shapes: list[Html] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = layout.at(tick)
        shapes.append(shape("line", x1=x, x2=x, y1=4, y2=bottom, class_="grid"))
        shapes.append(text_at(max(x, 10), bottom + 14, f"{tick:.0%}", "dim", "middle"))
    top = 6
    for line in lines:
        shapes += _line(line, top, layout)
        top += layout.height(line)
    return picture(layout.width, top + 22, label, *shapes)


def _line(line: Line, top: int, layout: Layout) -> list[Html]:
    height, name = layout.height(line), shortened(line.name, 34)
    if layout.name_height:
        shapes = [text_at(layout.start, top + 13, name)]
    else:
        shapes = [text_at(layout.start - 8, top + height / 2 + 4, name, anchor="end")]
    first = top + layout.name_height
    if line.chance is not None:
        x, note = layout.at(line.chance), element("title", f"chance {line.chance:.1%}")
        ends = {"y1": first + 2, "y2": top + height - 2}
        shapes.append(shape("line", note, x1=x, x2=x, class_="chance", **ends))
    for index, dot in enumerate(line.dots):
        shapes += _dot(dot, first + LINE * (index + 0.5) + 3, layout)
    return shapes


def _dot(dot: Dot, y: float, layout: Layout) -> list[Html]:
    color, error = f"c{dot.evaluation % COLORS}", dot.stderr or 0
    low, high = (layout.at(min(max(dot.value + sign * error, 0), 1)) for sign in (-1, 1))
    note = f"{dot.value:.1%}" + (f" ± {error:.1%}" if dot.stderr is not None else "")
    center = {"cx": layout.at(dot.value), "cy": y, "r": 4.5}
    return [
        shape("line", x1=low, x2=high, y1=y, y2=y, class_=f"{color} line"),
        shape("circle", element("title", note), class_=f"{color} dot", **center),
        text_at(layout.end + 14, y + 4, note, "dim"),
    ]
