"""What a report is made of, read once: the folders, the metrics of runs, the scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from lmkit.artifacts.finished_folders import damaged_files
from lmkit.artifacts.manifest import MANIFEST, Details
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.artifacts.tasks import PARTIAL
from lmkit.config import CommandConfig
from lmkit.errors import InputError, LmkitError
from lmkit.evaluation.scores import SCORES, Scores, read_scores
from lmkit.reporting.lineage import Lineage, ShownFolder
from lmkit.reporting.run_metrics import RunMetrics, read_metrics
from lmkit.training.evaluations.samples_file import SAMPLES
from lmkit.training.metrics import METRICS

DetailsT = TypeVar("DetailsT", bound=Details)
ConfigOf = Callable[[str], type[CommandConfig] | None]
"""Returns the options of a command by its name; None of an unknown one."""
READ = (
    *(MANIFEST, METRICS, SAMPLES, SCORES, "report.json", "history.jsonl", "resolved.json"),
    *("model.json", "checkpoints/index.json", f"{PARTIAL}/plan.json"),
)
"""The files of a folder that a report shows, but for signals, which its manifest lists."""


@dataclass(frozen=True)
class Run:
    """A run, and its metrics."""

    name: str
    opened: OpenedFolder
    metrics: RunMetrics


@dataclass(frozen=True)
class Evaluation:
    """The scores of a folder of `lmkit eval`."""

    name: str
    opened: OpenedFolder
    scores: Scores


@dataclass(frozen=True)
class ReportData:
    """All that the sections show."""

    lineage: Lineage
    runs: tuple[Run, ...]
    evaluations: tuple[Evaluation, ...]
    config_of: ConfigOf
    unreadable: tuple[str, ...] = ()
    """What could not be read, each as a sentence."""

    def folders(self, *stages: str) -> list[ShownFolder]:
        """Return the folders of some commands; of all where none is named."""
        return self.lineage.folders(*stages)


def read_report_data(lineage: Lineage, config_of: ConfigOf) -> ReportData:
    """Read what the folders of a lineage hold."""
    runs = [
        Run(each.name, each.opened, read_metrics(each.opened.path))
        for each in lineage.folders("pretrain")
    ]
    evaluations: list[Evaluation] = []
    unreadable: list[str] = []
    for each in lineage.folders("eval"):
        if each.opened.manifest is None:
            continue
        try:
            evaluations.append(Evaluation(each.name, each.opened, read_scores(each.opened.path)))
        except LmkitError as error:
            unreadable.append(str(error))
    return ReportData(lineage, tuple(runs), tuple(evaluations), config_of, tuple(unreadable))


def digest_of(opened: OpenedFolder) -> str:
    """Return a hash of everything that a report shows of a folder."""
    digest = sha256()
    receipts = sorted((opened.path / PARTIAL).glob("*-[0-9]*.json"))
    for path in [*(opened.path / name for name in READ), *receipts]:
        digest.update(f"\0{path.name}\0".encode("utf-8", "surrogatepass"))
        digest.update(_content(path))
    for problem in damaged_files(opened.path, opened.outputs):
        digest.update(problem.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def record_of(folder: ShownFolder, kind: type[DetailsT]) -> DetailsT | None:
    """Return what a folder records of its results.

    None of one that isn't finished, or is damaged: that stands among the problems.
    """
    manifest = folder.opened.manifest
    try:
        return kind.from_manifest(manifest, folder.opened.path) if manifest else None
    except InputError:
        return None


def names(folders: Sequence[ShownFolder]) -> str:
    """Return the names of folders as a list."""
    return ", ".join(each.name for each in folders)
