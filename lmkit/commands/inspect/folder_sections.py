"""The sections that every folder has: its command, its inputs, its counts and its files."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os.path import abspath, commonpath
from pathlib import Path

from lmkit.artifacts.finished_folders import damaged_files
from lmkit.artifacts.manifest import Counts, Input, Output, Plan, flat
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.artifacts.tasks import PARTIAL
from lmkit.commands.inspect.folder_kind import Sections
from lmkit.commands.registry import command_named

MAX_INPUTS = 20


def summary(folder: OpenedFolder) -> Sections:
    """Return which command made a folder and when, or how far it has come."""
    plan = folder.plan
    facts: Sections = {"folder": folder.shown, "stage": plan.stage, "lmkit": plan.lmkit}
    if manifest := folder.manifest:
        if finished := folder.finished_at:
            facts["finished"] = finished.isoformat(" ", "seconds")
        return facts | {"seconds": manifest.seconds, "fingerprint": manifest.fingerprint}
    receipts = (folder.path / PARTIAL).glob("*-[0-9]*.json")
    done = Counter(path.stem.rpartition("-")[0] for path in receipts)
    is_known = plan.stage != "pretrain" and folder.listed is None
    return facts | {
        "state": "not finished",
        **({"tasks_done": dict(sorted(done.items())) or 0} if is_known else {}),
        "to_go_on": f"unless it is running, the same lmkit {plan.stage} command resumes from here",
    }


@dataclass
class _InputGroup:
    """The inputs of a label, summed up one by one: there may be millions."""

    count: int = 0
    bytes: int = 0
    path: str = ""
    """The path of the only input, or the folder that all of them share."""

    def add(self, item: Input) -> None:
        if self.count == 0:
            self.path = item.path
        elif self.count == 1 or not (self.path and item.path.startswith(f"{self.path}/")):
            self.path = _common([self.path, item.path])
        self.count += 1
        self.bytes += item.bytes


def input_rows(inputs: Iterable[Input]) -> list[Sections]:
    """Sum raw files by their labels; the sizes of other folders are in their manifests."""
    groups: dict[tuple[str, bool], _InputGroup] = {}
    for item in inputs:
        groups.setdefault((item.source, item.modified is None), _InputGroup()).add(item)
    rows: list[Sections] = []
    for (source, made), group in list(groups.items())[:MAX_INPUTS]:
        row: Sections = {"source": source, "path": group.path}
        row |= {} if made else {"files": group.count}
        rows.append(row | ({"bytes": group.bytes} if group.bytes else {}))
    if rest := list(groups.values())[MAX_INPUTS:]:
        files, total = sum(group.count for group in rest), sum(group.bytes for group in rest)
        others = f"and {len(rest):,} more sources"
        rows.append({"source": others, "path": "", "files": files, "bytes": total})
    return rows


def _common(paths: Sequence[str]) -> str:
    same_kind = len({Path(path).is_absolute() for path in paths}) == 1
    return commonpath(paths if same_kind else map(abspath, paths))


def changed_options(plan: Plan) -> Sections:
    """Return the options that differ from the defaults; all of them for an unknown stage."""
    command = command_named(plan.stage)
    defaults = flat(command.config.model_construct().model_dump(mode="json")) if command else {}
    unset = object()
    return {
        key: value
        for key, value in flat(plan.config).items()
        if key not in {"inputs", "inputs_from", "output"} and value != defaults.get(key, unset)
    }


def count_facts(counts: Counts) -> Sections:
    """Return the counts of documents by outcome, and whatever else was counted."""
    facts: Sections = {}
    if counts.documents_in:
        facts |= {"in": counts.documents_in, "out": counts.documents_out}
        facts |= {"dropped": counts.dropped} if counts.dropped else {}
        facts["quarantined"] = counts.quarantined
    return facts | counts.more


def file_rows(outputs: Sequence[Output]) -> list[Sections]:
    """Sum shards whose names differ only in the number."""
    groups: dict[str, list[Output]] = {}
    for output in outputs:
        groups.setdefault(re.sub(r"-\d{5,}", "-*", output.name), []).append(output)
    rows: list[Sections] = []
    for pattern, group in groups.items():
        name = group[0].name if len(group) == 1 else pattern
        counts: Counter[str] = Counter()
        for output in group:
            counts.update(output.counts)
        size = sum(output.bytes for output in group)
        rows.append({"name": name, "files": len(group), "bytes": size, **counts})
    return rows


def problem_rows(folder: Path, outputs: Sequence[Output]) -> list[Sections]:
    """Name the files that are missing or damaged."""
    return [{"text": problem} for problem in damaged_files(folder, outputs)]
