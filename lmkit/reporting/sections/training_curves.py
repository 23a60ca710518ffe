"""Training: the curves of all runs over each other, and what became of each run.

Choice: what is known by name has a title and an explanation. Any other number of metrics.jsonl is
drawn too, under its own name, so a new measurement needs no change here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmkit.reporting.escaped_html import Html, element, folded, joined, paragraph
from lmkit.reporting.plots import Plot, Series, clocks, figure
from lmkit.reporting.report_data import ReportData, Run
from lmkit.reporting.section import Section
from lmkit.reporting.tables_html import duration, table
from lmkit.training.checkpoints.run_summary import describe_run

SCORED = ("tasks", "groups")
MOST_OTHERS = 24
"""Most plots of measurements that have no title here."""


@dataclass(frozen=True)
class Known:
    """What a measurement is called, and what it means."""

    title: str
    caption: str
    is_log: bool = False
    dots: bool = False


KNOWN = {
    "loss": Known("Training loss", "nats per token, lower is better", is_log=True),
    "validation_loss": Known(
        "Validation loss", "on held-out text, nats per token", is_log=True, dots=True
    ),
    "validation": Known("Validation loss by source", "nats per token", is_log=True, dots=True),
    "tasks/acc": Known("Accuracy on tasks", "on their first items", dots=True),
    "groups/acc": Known("Accuracy on groups of tasks", "means of their tasks", dots=True),
    "tasks/bits_per_byte": Known("Bits per byte of right answers", "lower is better", dots=True),
    "lr": Known("Learning rate", "how far a step goes"),
    "gradient_norm": Known(
        "Gradient norm", "before clipping; peaks are unsteady steps", is_log=True
    ),
    "tokens_per_second": Known("Throughput", "tokens per second of training"),
    "update_ratio": Known(
        "Update ratio",
        "change of weights over weights, in a step; about 1e-3 is usual",
        is_log=True,
    ),
    "data_wait_seconds": Known("Waiting for data", "seconds of a step"),
    "flops_per_second": Known("FLOP/s", "floating-point operations of the model, all devices"),
    "mfu": Known("Model FLOPs utilization", "fraction of what the devices can do at most"),
    "gpu_utilization": Known("GPU utilization", "fraction of the time in which it was busy"),
    "memory_bytes": Known("Memory", "bytes of a process, or of its GPU"),
    "tasks/": Known("Other scores on tasks", "as lmkit eval has them", dots=True),
    "groups/": Known("Other scores on groups of tasks", "means of their tasks", dots=True),
}
"""By the name of a measurement, or by the first part of it, in the order of the page."""


def training_curves(data: ReportData) -> Section | None:
    """Return the runs as a table, and their curves."""
    if not data.runs:
        return None
    plots = training_plots(data.runs)
    content: list[Html] = [
        paragraph(
            "Each line is a run. Point at a curve for its values, drag to zoom, click a name to "
            "hide it; a slider smooths noise (the faint line is what was measured)."
        ),
        element("div", class_="controls"),
        element("div", *(figure(plot) for plot in plots), class_="grid2"),
        clocks([run.metrics for run in data.runs]),
        element("h3", "Runs"),
        table([_facts(run) for run in data.runs]),
    ]
    mixtures = [row for run in data.runs for row in _mixture(run)]
    if mixtures:
        content.append(folded("What each run read", table(mixtures)))
    return Section("Training", "training", joined(content))


def training_plots(runs: Sequence[Run]) -> list[Plot]:
    """Return the plots of all measurements of the runs."""
    names = list(dict.fromkeys(name for run in runs for name in run.metrics.curves))
    titles: dict[str, list[str]] = {}
    for name in names:
        titles.setdefault(_title_of(name), []).append(name)
    order = [*(name for name in KNOWN if name in titles)]
    others = [name for name in titles if name not in KNOWN]
    plots: list[Plot] = []
    for title in [*order, *sorted(others)[:MOST_OTHERS]]:
        known = KNOWN.get(title, Known(title.replace("_", " "), ""))
        series = _series(runs, titles[title])
        if series:
            plots.append(Plot(known.title, known.caption, series, known.is_log, known.dots))
    return plots


def _title_of(name: str) -> str:
    """Return which plot a measurement belongs to: scores by measure, others by their first part."""
    first, _, rest = name.partition("/")
    if first in SCORED:
        measure = rest.rpartition("/")[2]
        return f"{first}/{measure if f'{first}/{measure}' in KNOWN else ''}"
    return name if name in KNOWN else first if first in KNOWN else name


def _series(runs: Sequence[Run], names: Sequence[str]) -> tuple[Series, ...]:
    """Return the curves of the runs; several of one run differ in their dashes."""
    found: list[Series] = []
    for number, run in enumerate(runs):
        for dash, name in enumerate(names):
            curve = run.metrics.curves.get(name)
            if curve is None or not np.isfinite(curve.values).any():
                continue
            part = name.partition("/")[2]
            if name.partition("/")[0] in SCORED and _title_of(name)[-1] != "/":
                part = part.rpartition("/")[0]  # the measure is in the title
            label = f"{run.name}: {part}" if part else run.name
            found.append(Series(label, curve, number, dash % 4))
    return tuple(found)


def _facts(run: Run) -> dict[str, object]:
    opened, metrics = run.opened, run.metrics
    state = describe_run(opened.path, opened.details, 0)["run"]
    wanted = opened.plan.config.get("steps")
    facts: dict[str, object] = {
        "run": run.name,
        "objective": opened.plan.config.get("objective"),
        "state": "finished" if opened.manifest else "not finished",
        "parameters": state.get("parameters") or "",
        "step": int(metrics.steps[-1]) if len(metrics.steps) else 0,
        "of": wanted or "",
        "tokens": int(metrics.tokens[-1]) if len(metrics.tokens) else 0,
        "training time": duration(float(metrics.hours[-1]) * 3600) if len(metrics.hours) else "",
    }
    if loss := metrics.curves.get("loss"):
        facts["last loss"] = loss.last
    validation = metrics.curves.get("validation_loss")
    if validation and np.isfinite(validation.values).any():
        best = int(np.nanargmin(validation.values))
        facts["best validation loss"] = float(validation.values[best])
        facts["at step"] = int(validation.steps[best])
    if speed := metrics.curves.get("tokens_per_second"):
        facts["tokens per second"] = int(np.nanmedian(speed.values))
    return facts


def _mixture(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for reads in run.opened.details.get("mixture", []):
        row: dict[str, object] = {
            "run": run.name,
            "packed folder": reads.get("folder"),
            "share of tokens": f"{reads.get('share_of_tokens', 0):.1%}",
            "sequences read": reads.get("rows_read"),
            "times read": reads.get("epochs"),
        }
        if (loss := reads.get("validation_loss")) is not None:
            row["validation loss"] = loss
        found.append(row)
    return found
