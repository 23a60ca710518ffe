"""Two folders side by side: options, inputs and counts that differ, and what their kind adds.

Choice: only folders of the same command are compared. Of others there is nothing to set side by
side, and a typing mistake is likelier.
"""

from collections.abc import Callable
from pathlib import Path

from lmkit.artifacts.input_lists.input_changes import input_changes
from lmkit.artifacts.manifest import Input, flat
from lmkit.artifacts.opened_folder import OpenedFolder, open_folder
from lmkit.commands.inspect.comparison.compared_documents import document_sections
from lmkit.commands.inspect.comparison.compared_runs import run_differences
from lmkit.commands.inspect.comparison.compared_scores import score_differences
from lmkit.commands.inspect.comparison.folder_pair import Pair
from lmkit.commands.inspect.folder_kind import Sections
from lmkit.commands.inspect.folder_sections import count_facts, summary
from lmkit.commands.inspect.options import InspectConfig
from lmkit.config import FolderConfig
from lmkit.errors import ConfigError, InputError

KINDS: dict[str, Callable[[InspectConfig, Pair], Sections]] = {
    "pretrain": lambda _, pair: run_differences(pair),
    "eval": lambda _, pair: score_differences(pair),
    "clean": document_sections,
    "dedup": document_sections,
}
"""What is compared beside options, inputs and counts, by the command."""


def comparison_sections(config: InspectConfig, other: Path) -> Sections:
    """Return in what two folders differ. Raises InputError, ConfigError."""
    for name in ("text", "limits", "document", "task"):
        if getattr(config, name) is not None:
            raise ConfigError(f"--{name}: not allowed with two folders", f"inspect {other} alone")
    pair = Pair.of(open_folder(config.folder), open_folder(other))
    first, second = pair.folders
    if first.plan.stage != second.plan.stage:
        raise InputError(
            f"{config.folder} was made by lmkit {first.plan.stage}, and {other} by lmkit "
            f"{second.plan.stage}",
            "name two folders of the same command",
        )
    kind = KINDS.get(first.plan.stage)
    return {
        "folders": [{"name": name} | summary(each) for name, each in pair.named],
        "options": _differing(pair, "option", *map(_options, pair.folders)),
        "inputs": [
            {"input": line}
            for line in input_changes(first.plan.inputs, second.plan.inputs, _is_same)
        ],
        "counts": _differing(pair, "count", *map(_counts, pair.folders)),
        **(kind(config, pair) if kind else {}),
    }


def _options(folder: OpenedFolder) -> dict[str, object]:
    options = flat(folder.plan.config)
    return {
        f"--{name.replace('_', '-')}": value
        for name, value in options.items()
        if name not in FolderConfig.location_options
    }


def _counts(folder: OpenedFolder) -> dict[str, object]:
    return flat(count_facts(folder.counts))


def _differing(
    pair: Pair, title: str, first: dict[str, object], second: dict[str, object]
) -> list[Sections]:
    """Return a row for each value that is not the same."""
    return [
        pair.row({title: name}, first.get(name), second.get(name))
        for name in first | second
        if first.get(name) != second.get(name)
    ]


def _is_same(_: int, before: Input, now: Input) -> bool:
    return (before.sha256 or before.bytes) == (now.sha256 or now.bytes)
