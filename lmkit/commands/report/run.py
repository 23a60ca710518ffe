"""Report: a page about folders that lmkit made, and about all that they were made of.

Choices:
- The report is an artifact like any other: with the same folders it is up to date, and a folder
  that has changed since is named, unless `--overwrite`.
- What it is made of is recorded by a hash of everything that it shows, so a run that has trained on
  makes it out of date, though a run's fingerprint doesn't cover its metrics.
"""

from dataclasses import dataclass
from pathlib import Path

from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.manifest import Counts, Input, Manifest
from lmkit.artifacts.output_folder import open_output
from lmkit.artifacts.tasks import TaskWriter
from lmkit.bounded_files import read_bounded
from lmkit.commands.registry import command_named
from lmkit.commands.report.options import ReportConfig
from lmkit.config import CommandConfig
from lmkit.errors import InputError
from lmkit.execution.amounts import plural
from lmkit.execution.tables import size
from lmkit.reporting.lineage import MISSING, Lineage, find_lineage
from lmkit.reporting.report_data import digest_of
from lmkit.reporting.report_files import PAGE, report_files
from lmkit.text.surrogates import well_formed


def report(config: ReportConfig) -> Manifest:
    """Write the page and the cards."""
    lineage = find_lineage(_typed(config), config.output)
    with open_output(config, _inputs(lineage)) as folder:
        if folder.finished:
            return folder.finished
        folder.run("page", WriteReport(lineage), [None], label="writing the page")
        more = {
            "folders": len(lineage.folders()),
            "runs": len(lineage.folders("pretrain")),
            "evaluations": len(lineage.folders("eval")),
            "missing": sum(node.stage == MISSING for node in lineage.nodes),
        }
        return folder.finish(Counts(more=more))


def _typed(config: ReportConfig) -> list[Path]:
    listed: list[Path] = []
    if config.inputs_from is not None:
        try:
            lines = read_bounded(config.inputs_from).decode("utf-8", "surrogateescape").splitlines()
        except OSError as error:
            raise InputError(
                f"--inputs-from: cannot read {config.inputs_from}: {error.strerror}"
            ) from None
        listed = [Path(line) for line in lines if line.strip()]
    if not config.inputs and not listed:
        raise InputError(
            "INPUTS: missing; name folders that lmkit made", "see: lmkit report --help"
        )
    return [*config.inputs, *listed]


def _inputs(lineage: Lineage) -> Inputs:
    """Return the folders as the inputs of the report."""
    folders = lineage.folders()
    records = tuple(
        Input(str(each.opened.path), each.name, 0, sha256=(digest_of(each.opened),))
        for each in folders
    )
    return Inputs(tuple(str(each.opened.path) for each in folders), records, (), {})


@dataclass(frozen=True)
class WriteReport:
    """Write all files of a report."""

    lineage: Lineage

    def __call__(self, _: None, writer: TaskWriter) -> None:
        """Run the task."""
        for name, text in report_files(self.lineage, options_of).items():
            with writer.file(name) as path:
                path.write_text(well_formed(text), "utf-8")


def options_of(stage: str) -> type[CommandConfig] | None:
    """Return the options of a command; None of one that this version doesn't know."""
    command = command_named(stage)
    return command.config if command else None


def result_text(config: ReportConfig, manifest: Manifest) -> str:
    """Return where the page is, and what it shows."""
    counts = manifest.counts.more
    bytes_of = {output.name: output.bytes for output in manifest.outputs}
    cards = [name for name in sorted(bytes_of) if name != PAGE]
    shown = [plural(counts["folders"], "folder"), plural(counts["runs"], "run")]
    shown += [f"{counts['missing']:,} missing"] if counts["missing"] else []
    next_to_it = f"; next to it {', '.join(cards)}" if cards else ""
    return f"{config.output / PAGE}: {', '.join(shown)}, {size(bytes_of[PAGE])}{next_to_it}"
