"""How it was made: the lineage, and the commands that make it again."""

from typing import Any

from lmkit.reporting.command_lines import command_line
from lmkit.reporting.escaped_html import element, folded, joined, paragraph, preformatted
from lmkit.reporting.lineage import Node
from lmkit.reporting.lineage_picture import fact_of, lineage_picture
from lmkit.reporting.report_data import ReportData
from lmkit.reporting.section import Section
from lmkit.reporting.tables_html import duration, table


def how_made(data: ReportData) -> Section:
    """Return the picture, the commands and a table of folders."""
    commands = "\n".join(
        command_line(each.opened.plan, data.config_of(each.opened.plan.stage))
        for each in data.folders()
    )
    content = [
        paragraph(
            "From raw files to scores: each box is a folder that one command wrote, and an arrow "
            "leads from what it read. A dashed box is not a folder of lmkit's, or is missing."
        ),
        lineage_picture(data.lineage),
        element("h3", "The commands that make it again"),
        paragraph(
            "In this order, from the folder in which they ran. Options that are not written have "
            "their defaults."
        ),
        preformatted(commands, class_="commands"),
        folded("All folders", table([_row(node) for node in data.lineage.nodes])),
    ]
    return Section("How it was made", "made", joined(content))


def _row(node: Node) -> dict[str, Any]:
    row: dict[str, Any] = {"folder": node.name, "made by": node.stage, "holds": fact_of(node)}
    if node.folder is None:
        return row | ({"bytes": node.bytes} if node.bytes else {})
    row["lmkit"] = node.folder.plan.lmkit
    if manifest := node.folder.manifest:
        row["bytes"] = sum(output.bytes for output in manifest.outputs)
        row["time"] = duration(manifest.seconds)
        machine = manifest.machine
        row["machine"] = ", ".join(str(each) for each in machine.values())
        return row
    return row | {"time": "not finished"}
