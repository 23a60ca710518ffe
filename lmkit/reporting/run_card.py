"""model_card.md: what is known of a run, as a README of the Hugging Face hub.

Choices:
- Scores stand in the front matter too, as `model-index`, where the hub reads them: those of the
  evaluations of this run.
- The snippet runs on the folder as it is; for Transformers, `lmkit export` comes first.
"""

import math
from collections.abc import Sequence
from typing import Any

from lmkit.artifacts.manifest import Plan
from lmkit.reporting.command_lines import command_line, quoted
from lmkit.reporting.dataset_card import known_languages
from lmkit.reporting.markdown_card import (
    card,
    code_block,
    front_matter,
    markdown_table,
    plain_text,
)
from lmkit.reporting.report_data import Evaluation, ReportData, Run
from lmkit.training.checkpoints.run_summary import describe_run

TASKS = {
    "clm": "text-generation",
    "mlm": "fill-mask",
    "plm": "text-generation",
    "span-corruption": "text2text-generation",
}


def run_card(data: ReportData, run: Run) -> str:
    """Return the card of a run."""
    plan = run.opened.plan
    above = data.lineage.above(run.name)
    name = run.name.rpartition("/")[2]
    task = TASKS.get(str(plan.config.get("objective")))
    scores = _evaluations(data, run)
    facts = describe_run(run.opened.path, run.opened.details, 0)
    commands = [
        command_line(each.opened.plan, data.config_of(each.opened.plan.stage)) for each in above
    ]
    head = {
        "language": known_languages(above),
        "pipeline_tag": task,
        "tags": ["lmkit"],
        "model-index": _model_index(name, task or "text-generation", scores),
    }
    sources = [
        {"source": node.name, "files": f"{node.files:,}", "bytes": f"{node.bytes:,}"}
        for node in data.lineage.sources()
        if any(node.key in _inputs(data, each.name) for each in above)
    ]
    return card(
        [
            front_matter(head),
            f"# {plain_text(name)}",
            f"A language model pre-trained with lmkit {plain_text(plan.lmkit)}"
            f"{'' if run.opened.manifest else '; its training is not finished'}.",
            "## Use",
            code_block(_snippet(plan), "bash"),
            "## Model",
            _facts(facts["model"]),
            "## Training",
            _facts({key: value for key, value in facts["run"].items() if value is not None}),
            "## Scores" if scores else "",
            markdown_table(_score_rows(scores)),
            "## Data",
            markdown_table(sources),
            "The commands that make it again:",
            code_block("\n".join(commands), "bash"),
            "## Not known",
            "Licence, intended use, known faults and biases: nobody has written them down yet.",
        ]
    )


def _inputs(data: ReportData, name: str) -> tuple[str, ...]:
    return next(node.inputs for node in data.lineage.nodes if node.name == name and node.folder)


def _snippet(plan: Plan) -> str:
    run = quoted(str(plan.config.get("output")))
    return (
        f'lmkit generate {run} --prompt "Once upon a time"\n'
        f'lmkit export {run} --output hf    # for Transformers: AutoModel.from_pretrained("hf")'
    )


def _facts(facts: dict[str, Any]) -> str:
    rows = [
        {"": key.replace("_", " "), "value": value}
        for key, value in facts.items()
        if isinstance(value, str | int | float) and value != ""
    ]
    return markdown_table(rows)


def _evaluations(data: ReportData, run: Run) -> list[Evaluation]:
    """Return the evaluations of a run."""
    key = next(n.key for n in data.lineage.nodes if n.name == run.name and n.folder)
    of_run = {node.name for node in data.lineage.nodes if key in node.inputs}
    return [each for each in data.evaluations if each.name in of_run]


def _model_index(name: str, task: str, found: Sequence[Evaluation]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for each in found:
        for task_name, scores in each.scores.tasks.items():
            metrics = [
                {"type": measure, "name": measure, "value": score.value}
                for measure, score in scores.scores.items()
                if score.value is not None
            ]
            results.append(_result(task, task_name, metrics))
        if each.scores.text.tokens and math.isfinite(each.scores.text.perplexity):
            metrics = [
                {"type": "perplexity", "name": "perplexity", "value": each.scores.text.perplexity}
            ]
            if each.scores.text.bytes:
                value = each.scores.text.bits_per_byte
                metrics.append({"type": "bits_per_byte", "name": "bits per byte", "value": value})
            results.append(_result(task, "held-out text", metrics))
    return [{"name": name, "results": results}] if results else []


def _result(task: str, dataset: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "task": {"type": task},
        "dataset": {"type": dataset, "name": dataset},
        "metrics": metrics,
    }


def _score_rows(found: Sequence[Evaluation]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for each in found:
        if each.scores.text.tokens:
            text = f"{each.scores.text.perplexity:.2f}"
            rows.append(
                {"on": "held-out text", "measure": "perplexity", "value": text, "chance": ""}
            )
        for name, scores in each.scores.tasks.items():
            for measure, score in scores.scores.items():
                if score.value is None:
                    continue
                error = "" if score.stderr is None else f" ± {score.stderr:.4f}"
                chance = scores.chance if measure.startswith("acc") else None
                rows.append(
                    {
                        "on": name,
                        "measure": measure,
                        "value": f"{score.value:.4f}{error}",
                        "chance": "" if chance is None else f"{chance:.4g}",
                    }
                )
    return rows
