"""The options in which folders of the same command differ."""

from collections.abc import Sequence

from lmkit.artifacts.manifest import flat
from lmkit.config import FolderConfig
from lmkit.reporting.escaped_html import Html, element, joined, paragraph
from lmkit.reporting.lineage import ShownFolder
from lmkit.reporting.report_data import ReportData
from lmkit.reporting.section import Section
from lmkit.reporting.tables_html import table

ORDER = ("pretrain", "pack", "train-tokenizer", "dedup", "clean", "eval")
MOST = 12
"""Most folders to compare."""


def option_differences(data: ReportData) -> Section | None:
    """Return a table for each command with several folders."""
    content: list[Html] = []
    for stage in ORDER:
        folders = data.folders(stage)[:MOST]
        if len(folders) > 1:
            rows = differing_options(folders)
            shown = table(rows) if rows else paragraph("They have the same options.")
            content += [element("h3", stage), shown]
    if not content:
        return None
    intro = paragraph("Where one command made several folders: the options that are not the same.")
    return Section("Options that differ", "options", joined([intro, *content]))


def differing_options(folders: Sequence[ShownFolder]) -> list[dict[str, object]]:
    """Return a row for each option that isn't the same in all folders."""
    configs = [flat(each.opened.plan.config) for each in folders]
    rows: list[dict[str, object]] = []
    for key in dict.fromkeys(key for config in configs for key in config):
        values = [config.get(key) for config in configs]
        if key not in FolderConfig.location_options and any(value != values[0] for value in values):
            row: dict[str, object] = {"option": f"--{key.replace('_', '-')}"}
            pairs = zip(folders, values, strict=True)
            rows.append(row | {each.name: _shown(value) for each, value in pairs})
    return rows


def _shown(value: object) -> object:
    if isinstance(value, bool) or value is None or isinstance(value, list | tuple | str):
        return value
    return str(value)  # as it is typed, without separators
