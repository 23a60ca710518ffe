"""What the rules of a cleaned folder removed, or would remove with other limits."""

from collections.abc import Sequence, Set
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, cast

import pyarrow.compute as pc

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.artifacts.signals_file import FACTS, read_signals
from lmkit.commands.inspect.folder_kind import Sections
from lmkit.commands.inspect.options import InspectConfig
from lmkit.config import PLUGIN
from lmkit.config_values import refuse_other_plugins
from lmkit.errors import InputError, LmkitError
from lmkit.filters.ablation import removals_by_rule, with_limits
from lmkit.filters.options import FiltersConfig, rules_of_manifest
from lmkit.filters.rules import Rule
from lmkit.plugins.extension import filters_with


def rule_sections(config: InspectConfig, folder: OpenedFolder) -> Sections:
    """Return what each rule removes, or the verdict on one document. Raises InputError."""
    shards = [output for output in folder.outputs if fnmatch(output.name, "signals-*.parquet")]
    if folder.plan.stage != "clean" or not shards:
        raise InputError(f"{config.folder}: holds no signals", "name a folder that clean wrote")
    if folder.listed is not None:
        raise InputError(
            f"{folder.shown}: signals are read of a folder on a disk",
            "copy the folder to this machine, and name the copy",
        )
    rules = with_limits(_rules(config, folder), config.limits or "")
    paths = [config.folder / output.name for output in shards]
    if config.document is not None:
        return _verdict(config, config.document, rules, paths)
    return _removals(rules, paths)


def _rules(config: InspectConfig, folder: OpenedFolder) -> list[Rule]:
    """Return the rules that the folder was made with; those of plugins must be named again."""
    recorded = folder.plan.config.get(PLUGIN, {})
    refuse_other_plugins(recorded, config.recorded_plugins, str(config.folder))
    return rules_of_manifest(filters_with(config.plugins, FiltersConfig), folder.plan.config)


def _verdict(
    config: InspectConfig, document: str, rules: Sequence[Rule], paths: Sequence[Path]
) -> Sections:
    """Return the verdict on a document, with every signal that a rule compares."""
    table = _with_columns(read_signals(paths), {rule.signal for rule in rules}, paths)
    # Parts of a document were filtered together: a part's id is the document's and a number.
    known = {document, document.rpartition("#")[0]} - {""}
    rows = table.filter([key in known for key in table["id"].to_pylist()]).to_pylist()
    if not rows:
        raise InputError(f"--document: {config.folder} has no document {document!r}")
    return {
        "verdicts": [{name: row[name] for name in FACTS} for row in rows],
        "numbers": [
            {
                "document": row["id"],
                "rule": rule.reason,
                "value": row[rule.signal],
                "limit": "none" if rule.limit is None else rule.limit,
                "verdict": "drops it" if _breaks(rule, row[rule.signal]) else "passes",
            }
            for row in rows
            for rule in rules
            if row["reason"] != "empty"
        ],
    }


def _breaks(rule: Rule, value: float | None) -> bool:
    """Return whether a rule drops a document with this value; None: it was never computed."""
    return value is not None and bool(rule.breaks(value))


def _with_columns(table: Any, names: Set[str], paths: Sequence[Path]) -> Any:
    """Return a table that has the named columns; LmkitError for one that has not."""
    if missing := names - set(table.column_names):
        raise LmkitError(
            f"{paths[0]}: no column {min(missing)}, which the rules of its folder compare",
            "make that folder again",
        )
    return table


def _removals(rules: Sequence[Rule], paths: Sequence[Path]) -> Sections:
    """Return what each rule removes."""
    names = sorted({rule.signal for rule in rules})
    table = _with_columns(read_signals(paths, ["reason", *names]), {"reason", *names}, paths)
    reasons = table["reason"]
    empty = cast(Any, pc).equal(reasons, "empty").fill_null(False).to_numpy()
    columns = {name: table[name].to_numpy() for name in names}
    # Most folders have no empty document, and copying a column costs as much as reading it.
    numbers = {name: col[~empty] if empty.any() else col for name, col in columns.items()}
    found = int(len(empty) - empty.sum())
    rows, kept = removals_by_rule(numbers, rules) if names else ([], found)
    facts = {"documents": len(empty), "empty": len(empty) - found}
    return {
        "verdicts": facts | {"kept_as_made": reasons.null_count, "kept_by_these_limits": kept},
        "rules": rows,
    }
