"""Problems that the folders themselves show: what is missing, unfinished, damaged or odd.

Choices:
- A spike is a loss that stands as far above the 128 before it as the run's own limit says
  (`training/loss_spikes.py`), and above the last 16: the first step of each rise is named.
- Each sentence says what it means or what to do.
"""

from collections.abc import Iterator

import numpy as np

from lmkit.artifacts.finished_folders import damaged_files
from lmkit.execution.amounts import plural
from lmkit.reporting.escaped_html import element, joined, paragraph
from lmkit.reporting.lineage import MISSING
from lmkit.reporting.report_data import ReportData, Run
from lmkit.reporting.run_metrics import Curve
from lmkit.reporting.section import Section
from lmkit.training.loss_spikes import HISTORY_LENGTH, MIN_HISTORY, MIN_SPREAD, z_score
from lmkit.training.options import SpikeConfig

LISTED = 8
RISING = 16
MANY_EPOCHS = 4
"""Text that is read more often than this teaches a model little (Muennighoff et al. 2023)."""
MUCH_PADDING = 0.2


def found_problems(data: ReportData) -> Section:
    """Return all problems, or that there are none."""
    found = list(dict.fromkeys(all_problems(data)))
    if not found:
        return Section("Problems", "problems", paragraph("None were found."))
    intro = paragraph("What to look at before these results are trusted.")
    items = element("ul", *(element("li", each) for each in found), class_="problems")
    return Section(f"Problems ({len(found)})", "problems", joined([intro, items]))


def all_problems(data: ReportData) -> Iterator[str]:
    """Yield each problem as a sentence."""
    yield from data.lineage.problems
    yield from data.unreadable
    for node in data.lineage.nodes:
        if node.stage == MISSING:
            yield f"{node.name}: no longer there, though a folder below was made of it."
    for folder in data.folders():
        yield from _of_folder(folder.name, data, folder.opened.plan.stage)
    for run in data.runs:
        yield from _of_run(run)
    for each in data.evaluations:
        for name, scores in each.scores.tasks.items():
            if scores.cut:
                items = plural(scores.cut, "item")
                yield f"{each.name}: {items} of {name} have a context longer than the model reads."
            if scores.ties > scores.items / 20:
                yield (
                    f"{each.name}: {plural(scores.ties, 'item')} of {scores.items:,} of {name} are "
                    "ties, where the first option wins."
                )


def _of_folder(name: str, data: ReportData, stage: str) -> Iterator[str]:
    opened = next(each.opened for each in data.folders() if each.name == name)
    if opened.manifest is None:
        yield f"{name}: not finished; the same lmkit {stage} command resumes it."
    damaged = list(damaged_files(opened.path, opened.outputs))
    yield from (f"{problem}." for problem in damaged[:LISTED])
    if (rest := len(damaged) - LISTED) > 0:
        yield f"{name}: {plural(rest, 'more file')} missing or damaged."
    if count := opened.counts.quarantined:
        yield (
            f"{name}: {plural(count, 'record')} could not be read; they are listed, each with the "
            "reason, in quarantine-*.jsonl.zst."
        )
    details = opened.details
    if stage == "train-tokenizer" and details.get("lacks"):
        yield f"{name}: the tokenizer lacks {', '.join(map(str, details['lacks']))}."
    if stage == "pack" and isinstance(details.get("train"), dict):
        share = float(details["train"].get("padding_share", 0))
        if share > MUCH_PADDING:
            yield f"{name}: {share:.0%} of the sequences is padding, which is computed for nothing."
    if stage in {"clean", "dedup"} and opened.manifest and not opened.counts.documents_out:
        yield f"{name}: no document was kept."


def _of_run(run: Run) -> Iterator[str]:
    metrics = run.metrics
    if metrics.damaged:
        yield f"{run.name}: {plural(metrics.damaged, 'line')} of metrics.jsonl cannot be read."
    loss, norm = metrics.curves.get("loss"), metrics.curves.get("gradient_norm")
    if loss and (steps := _not_finite(loss)):
        yield f"{run.name}: the loss was not finite at {_listed(steps)}."
    if norm and (steps := _not_finite(norm)):
        yield (
            f"{run.name}: the gradient was not finite at {_listed(steps)}; such a step changes no "
            "weight. A few of them are normal with fp16."
        )
    limit = (run.opened.plan.config.get("spike") or {}).get("z", SpikeConfig().z)
    if loss and limit and (steps := spikes(loss, float(limit))):
        yield f"{run.name}: the loss spiked at {_listed(steps)}."
    for reads in run.opened.details.get("mixture", []):
        if reads.get("epochs", 0) > MANY_EPOCHS:
            yield (
                f"{run.name}: read {reads.get('folder')} {reads['epochs']:.3g} times; beyond "
                f"{MANY_EPOCHS} times, repeated text teaches little."
            )
    validation = metrics.curves.get("validation_loss")
    if validation and len(validation.values) > 2 and np.isfinite(validation.values).all():
        best = int(np.argmin(validation.values))
        if validation.last > 1.02 * float(validation.values[best]):
            yield (
                f"{run.name}: the validation loss was lowest at step {validation.steps[best]:,.0f} "
                "and has risen by more than 2% since: the run may overfit."
            )


def _not_finite(curve: Curve) -> list[int]:
    return curve.steps[~np.isfinite(curve.values)].astype(int).tolist()


def spikes(loss: Curve, limit: float) -> list[int]:
    """Return the steps at which the loss spiked."""
    values = np.nan_to_num(loss.values, nan=np.inf, posinf=np.inf)
    if len(values) <= MIN_HISTORY:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(values[:-1], RISING)
    rises = np.flatnonzero(values[RISING:] > windows.max(axis=1)) + RISING
    found: list[int] = []
    least = 1 + limit * MIN_SPREAD  # a spread is never smaller, so less is no spike
    for index in rises[rises >= MIN_HISTORY].tolist():
        history = values[max(0, index - HISTORY_LENGTH) : index]
        value = float(values[index])
        if value < least * float(history.min()):
            continue
        known = history[np.isfinite(history)].tolist()
        if np.isfinite(value) and len(known) >= MIN_HISTORY and z_score(value, known) > limit:
            found.append(int(loss.steps[index]))
    return found


def _listed(steps: list[int]) -> str:
    shown = ", ".join(f"{step:,}" for step in steps[:LISTED])
    more = f" and {len(steps) - LISTED:,} more" if len(steps) > LISTED else ""
    return f"step {shown}" if len(steps) == 1 else f"steps {shown}{more}"
