"""The files of a report, by name: the page, and the cards next to it."""

from collections.abc import Mapping

import numpy as np

from lmkit.execution.amounts import plural
from lmkit.reporting.dataset_card import dataset_card
from lmkit.reporting.escaped_html import Html, element
from lmkit.reporting.lineage import MISSING, Lineage
from lmkit.reporting.page import page
from lmkit.reporting.report_data import ConfigOf, ReportData, read_report_data
from lmkit.reporting.run_card import run_card
from lmkit.reporting.sections.registry import SECTIONS
from lmkit.reporting.tables_html import fact_cards, number

PAGE = "report.html"
DATASET_CARD = "dataset_card.md"


def report_files(lineage: Lineage, config_of: ConfigOf) -> dict[str, str]:
    """Return the content of each file of the report of a lineage."""
    data = read_report_data(lineage, config_of)
    sections = [section for make in SECTIONS if (section := make(data))]
    foot = "Made by lmkit report. This page is one file: it loads nothing, and sends nothing."
    files = {PAGE: page(_title(data), _head(data), sections, foot)}
    if text := dataset_card(data):
        files[DATASET_CARD] = text
    for index, run in enumerate(data.runs):
        name = "model_card.md" if len(data.runs) == 1 else f"model_card-{index + 1}.md"
        files[name] = run_card(data, run)
    return files


def _title(data: ReportData) -> str:
    """Return a title that says which folders are shown."""
    if len(data.runs) == 1:
        return f"Report of {data.runs[0].name}"
    names = [each.name for each in data.folders()]
    return f"Report of {names[0]}" if len(names) == 1 else f"Report of {len(names)} folders"


def _head(data: ReportData) -> list[Html]:
    nodes = data.lineage.nodes
    raw = len(data.lineage.sources())
    documents = [each.opened for each in data.folders("clean")]
    parts = [plural(raw, "source") if raw else ""]
    if documents:
        parts.append(plural(sum(each.counts.documents_in for each in documents), "raw document"))
    parts += [
        plural(len(data.runs), "run") if data.runs else "",
        plural(len(data.evaluations), "evaluation") if data.evaluations else "",
    ]
    missing = sum(node.stage == MISSING for node in nodes)
    parts.append(f"{plural(missing, 'folder')} missing" if missing else "")
    line = " → ".join(part for part in parts if part)
    return [element("p", line, class_="note"), fact_cards(_facts(data))]


def _facts(data: ReportData) -> Mapping[str, object]:
    """Return the numbers that people look for first."""
    facts: dict[str, object] = {}
    last = [each.opened for each in data.folders("dedup") or data.folders("clean")]
    if last:
        facts["documents kept"] = number(sum(each.counts.documents_out for each in last))
    packed = [each.opened for each in data.folders("pack")]
    if packed:
        facts["tokens packed"] = number(sum(each.counts.more.get("tokens", 0) for each in packed))
    best = [
        (float(np.nanmin(curve.values)), run.name)
        for run in data.runs
        if (curve := run.metrics.curves.get("validation_loss")) and np.isfinite(curve.values).any()
    ]
    if best:
        loss, name = min(best)
        whose = f" ({name})" if len(data.runs) > 1 else ""
        facts[f"best validation loss{whose}"] = number(loss)
    for each in data.evaluations:
        if each.scores.text.tokens and each.scores.text.bytes:
            facts[f"bits per byte ({each.name})"] = number(each.scores.text.bits_per_byte)
    return facts
