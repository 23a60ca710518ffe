"""Inspect: show the content of a folder, the command that wrote it, and its inputs.

Choices:
- It reads manifest.json, or the plan and the receipts of an unfinished folder. Of the files
  themselves it reads one shard per kind of sample, and of that only the lines that it shows: a big
  corpus is inspected as quickly as a small one.
- Missing, truncated or damaged files are named and are not an error: people inspect a folder
  because something is wrong.
- Nothing here needs torch, not even for a run's weights: their names and shapes are in plain JSON.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatch
from functools import partial
from os.path import abspath, commonpath
from pathlib import Path
from typing import Any, cast

import pyarrow.compute as pc
from pydantic import ValidationError

from lmkit.artifacts.manifest import (
    FORMAT,
    MANIFEST,
    Counts,
    Input,
    Manifest,
    Output,
    Plan,
    flat,
    read,
    refuse_other_format,
)
from lmkit.artifacts.record_samples import pick, read_records
from lmkit.artifacts.signals_file import FACTS, read_signals
from lmkit.artifacts.tasks import PARTIAL, Receipt
from lmkit.commands.inspect.options import InspectConfig
from lmkit.commands.registry import command_named
from lmkit.config import PLUGIN, refuse_other_plugins
from lmkit.deduplication.summary import summary_sections
from lmkit.errors import InputError, LmkitError
from lmkit.execution.tables import Section, shown
from lmkit.filters.ablation import removals_by_rule, with_limits
from lmkit.filters.options import FiltersConfig, rules_of_manifest
from lmkit.filters.outcome_counts import outcome_sections
from lmkit.filters.rules import Rule
from lmkit.packing.preview import TEXT, preview_sequence, special_texts, tokenized
from lmkit.plugins.extension import filters_with
from lmkit.tokenizers.tokenizer import TOKENIZER, Tokenizer
from lmkit.training.checkpoints.run_summary import (
    checkpoint_manifest,
    checkpoint_state,
    describe_run,
    parameters,
)

MAX_CHARACTERS = 300
MAX_INPUTS = 20
MAX_STEPS = 5
SPLITS = ("train", "validation")
"""Where a stage has another name than its command."""

Sections = dict[str, Any]
"""The output: tables of facts, or lists of such tables, by title."""


def inspect_folder(config: InspectConfig) -> Sections:
    """Return the sections of a folder, which are the same for people and for scripts."""
    folder = config.folder
    if config.text is not None:
        return {"pieces": _pieces(folder, config.text)}
    if (checkpoint := checkpoint_manifest(folder)) is not None:
        return _checkpoint(folder, checkpoint)
    plan, receipts = _plan(folder)
    outputs = _outputs_of(plan, receipts)
    if config.rules or config.limits is not None or config.document is not None:
        return _rule_sections(config, plan, outputs)
    return {
        "made": _summary(folder, plan),
        "inputs": _inputs(plan.inputs),
        "changed_options": _options(plan),
        "counts": _counts(_counts_of(plan, receipts)),
        **_contents(folder, plan),
        "outputs": _files(outputs),
        **dict(_samples(config, plan, outputs)),
        "problems": [{"text": problem} for problem in _problems(folder, outputs)],
    }


def _plan(folder: Path) -> tuple[Plan, list[Receipt]]:
    """Return a manifest, or the plan of an unfinished folder and the receipts of its tasks."""
    if not folder.exists():
        raise InputError(f"{folder}: no such folder", "name a folder that lmkit wrote")
    if not folder.is_dir():
        raise InputError(
            f"{folder}: a file, must be a folder",
            f"try: lmkit inspect {_containing_folder(folder)}",
        )
    try:
        if manifest := read(Manifest, folder / MANIFEST):
            refuse_other_format(manifest, folder)
            return manifest, []
        plan = read(Plan, folder / PARTIAL / "plan.json")
    except InputError:
        raise
    except LmkitError:
        raise InputError(*_not_a_manifest(folder)) from None
    if plan is None:
        containing = _containing_folder(folder)
        hint = (
            f"try: lmkit inspect {containing}"
            if containing != folder
            else "name a folder that lmkit wrote"
        )
        raise InputError(f"{folder}: not made by lmkit: it holds no {MANIFEST}", hint)
    refuse_other_format(plan, folder)
    return plan, [*_receipts(folder)]


def _containing_folder(path: Path) -> Path:
    """Return the folder that lmkit wrote and that contains a path, if any, else the path's own."""
    parents = (*path.parents, *path.absolute().parents)  # first those that were typed
    made = (parent for parent in parents if (parent / MANIFEST).is_file())
    return next(made, path if path.is_dir() else path.parent)


def _not_a_manifest(folder: Path) -> tuple[str, str]:
    """Return a message and a hint for a damaged manifest, or for one of another program."""
    path = folder / MANIFEST if (folder / MANIFEST).exists() else folder / PARTIAL / "plan.json"
    try:
        found = json.loads(path.read_bytes())
        is_table = isinstance(found, dict)
        by_lmkit = is_table and {"stage", "lmkit"} <= cast(dict[str, Any], found).keys()
    except ValueError:
        by_lmkit = True  # unknown, but damaged
    if by_lmkit:
        return f"{path}: damaged", f"restore a good copy, or make {folder} again from its inputs"
    return f"{path}: not a file that lmkit wrote", "name a folder that lmkit wrote"


def _receipts(folder: Path) -> Iterator[Receipt]:
    for path in sorted((folder / PARTIAL).glob("*-[0-9]*.json")):
        try:
            if receipt := read(Receipt, path):  # a running command may remove it in the meantime
                yield receipt
        except LmkitError:
            continue  # the task will be run again


def _outputs_of(plan: Plan, receipts: Sequence[Receipt]) -> list[Output]:
    if isinstance(plan, Manifest):
        return [*plan.outputs]
    return [output for receipt in receipts for output in receipt.outputs]


def _counts_of(plan: Plan, receipts: Sequence[Receipt]) -> Counts:
    if isinstance(plan, Manifest):
        return plan.counts
    return Counts.total(receipt.counts for receipt in receipts)


def _summary(folder: Path, plan: Plan) -> Sections:
    facts: Sections = {"folder": str(folder), "stage": plan.stage, "lmkit": plan.lmkit}
    if isinstance(plan, Manifest):
        finished = datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime)
        facts["finished"] = finished.isoformat(" ", "seconds")
        facts |= {"seconds": plan.seconds, "fingerprint": plan.fingerprint}
        return facts
    done = Counter(
        path.stem.rpartition("-")[0] for path in (folder / PARTIAL).glob("*-[0-9]*.json")
    )
    return facts | {
        "state": "not finished",
        **({"tasks_done": dict(sorted(done.items())) or 0} if plan.stage != "pretrain" else {}),
        "to_go_on": f"unless it is running, the same lmkit {plan.stage} command resumes from here",
    }


def _common(paths: Sequence[str]) -> str:
    same_kind = len({Path(path).is_absolute() for path in paths}) == 1
    return commonpath(paths if same_kind else map(abspath, paths))


def _inputs(inputs: Sequence[Input]) -> list[Sections]:
    """Sum raw files by their labels; the sizes of other folders are in their manifests."""
    groups: dict[tuple[str, bool], list[Input]] = {}
    for item in inputs:
        groups.setdefault((item.source, item.modified is None), []).append(item)
    rows: list[Sections] = []
    for (source, made), items in list(groups.items())[:MAX_INPUTS]:
        paths = [item.path for item in items]
        where = paths[0] if len(paths) == 1 else _common(paths)
        total = sum(item.bytes for item in items)
        row: Sections = {"source": source, "path": where}
        row |= {} if made else {"files": len(items)}
        rows.append(row | ({"bytes": total} if total else {}))
    if rest := list(groups.values())[MAX_INPUTS:]:
        files = [item for items in rest for item in items]
        total = sum(item.bytes for item in files)
        others = f"and {len(rest):,} more sources"
        rows.append({"source": others, "path": "", "files": len(files), "bytes": total})
    return rows


def _options(plan: Plan) -> Sections:
    """Return the options that differ from the defaults; all of them for an unknown stage."""
    command = command_named(plan.stage)
    defaults = flat(command.config.model_construct().model_dump(mode="json")) if command else {}
    unset = object()
    return {
        key: value
        for key, value in flat(plan.config).items()
        if key not in {"inputs", "inputs_from", "output"} and value != defaults.get(key, unset)
    }


def _counts(counts: Counts) -> Sections:
    facts: Sections = {}
    if counts.documents_in:
        facts |= {"in": counts.documents_in, "out": counts.documents_out}
        facts |= {"dropped": counts.dropped} if counts.dropped else {}
        facts["quarantined"] = counts.quarantined
    return facts | counts.more


def _files(outputs: Sequence[Output]) -> list[Sections]:
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


def _problems(folder: Path, outputs: Sequence[Output]) -> Iterator[str]:
    for output in outputs:
        file = folder / output.name
        if not file.is_file():
            yield f"{file}: missing"
        elif (now := file.stat().st_size) != output.bytes:
            yield f"{file}: has {now:,} bytes, had {output.bytes:,} when it was written"


def _rule_sections(config: InspectConfig, plan: Plan, outputs: Sequence[Output]) -> Sections:
    """Return what the rules of a cleaned folder removed, or would remove with other limits."""
    shards = [output for output in outputs if fnmatch(output.name, "signals-*.parquet")]
    if plan.stage != "clean" or not shards:
        raise InputError(f"{config.folder}: holds no signals", "name a folder that clean wrote")
    rules = with_limits(_rules_of(config, plan), config.limits or "")
    names = sorted({rule.signal for rule in rules})
    paths = [config.folder / output.name for output in shards]
    if config.document is not None:
        table = read_signals(paths)
        # Parts of a document were filtered together: a part's id is the document's and a number.
        known = {config.document, config.document.rpartition("#")[0]} - {""}
        rows = table.filter([key in known for key in table["id"].to_pylist()]).to_pylist()
        if not rows:
            raise InputError(f"--document: {config.folder} has no document {config.document!r}")
        return {
            "verdicts": [{name: row[name] for name in FACTS} for row in rows],
            "numbers": [
                {
                    "document": row["id"],
                    "rule": rule.reason,
                    "value": row[rule.signal],
                    "limit": "none" if rule.limit is None else rule.limit,
                    "verdict": "drops it" if rule.breaks(row[rule.signal]) else "passes",
                }
                for row in rows
                for rule in rules
                if row["reason"] != "empty"
            ],
        }

    table = read_signals(paths, ["reason", *names])
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


def _rules_of(config: InspectConfig, plan: Plan) -> list[Rule]:
    """Return the rules of a cleaned folder; those of plugins, if they are named again."""
    recorded = plan.config.get(PLUGIN, {})
    refuse_other_plugins(recorded, config.recorded_plugins, str(config.folder))
    return rules_of_manifest(filters_with(config.plugins, FiltersConfig), plan.config)


def _contents(folder: Path, plan: Plan) -> Sections:
    """Return the sections that only this kind of folder has."""
    details = plan.details if isinstance(plan, Manifest) else {}
    if plan.stage == "pretrain":
        goal = {"steps_wanted": plan.config.get("steps")}
        return describe_run(folder, goal | details, MAX_STEPS)
    if plan.stage == "pack":
        return _packed(details)
    if plan.stage == "clean":
        return outcome_sections(details)
    if plan.stage == "dedup":
        return _deduplicated(details)
    if plan.stage == "train-tokenizer":
        facts = {key: details[key] for key in details if key != "report" and details[key] != []}
        return {"tokenizer": facts, **_report(folder)}
    return {"details": flat(details)}


def _deduplicated(details: Mapping[str, Any]) -> Sections:
    rows = sorted(details.get("test_sets", []), key=lambda row: (-row["share"], row["set"]))
    more = [{"set": f"and {len(rows) - MAX_INPUTS:,} more"}]
    shown = [*rows[:MAX_INPUTS], *(more if len(rows) > MAX_INPUTS else [])]
    return summary_sections(details) | {"test_sets": shown} if details else {}


def _packed(details: Mapping[str, Any]) -> Sections:
    splits: list[Sections] = []
    for split in SPLITS:
        if found := details.get(split):
            ratio = found["bytes_of_text"] / max(1, found["tokens"])
            keys = ("documents", "cut", "tokens", "rows", "padding", "padding_share")
            shown = {key: found[key] for key in keys if key in found}
            splits.append({"side": split, **shown, "bytes_per_token": round(ratio, 3)})
    rest = {key: value for key, value in details.items() if not isinstance(value, dict)}
    sources = [{"source": name, **found} for name, found in details.get("sources", {}).items()]
    return {"rows": rest, "sides": splits, "sources": sources}


def _report(folder: Path) -> Sections:
    """Return a tokenizer's report, with the longest tokens in a separate section."""
    try:
        rows: list[Sections] = json.loads((folder / "report.json").read_text("utf-8"))
        longest = [
            {"tokenizer": row["tokenizer"], "source": row["source"], "token": repr(token)}
            for row in rows
            if row["source"] == "all"
            for token in row["longest_tokens"]
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return {}  # from an older version, or listed in the problems
    shown = [{key: row[key] for key in row if key != "longest_tokens"} for row in rows]
    more = [{"tokenizer": "", "source": f"and {len(shown) - MAX_INPUTS:,} more"}]
    cut = [*shown[:MAX_INPUTS], *(more if len(shown) > MAX_INPUTS else [])]
    return {"report": cut, "longest_tokens": longest}


def _checkpoint(folder: Path, manifest: Sections) -> Sections:
    if manifest.get("format") != FORMAT:
        raise InputError(f"{folder}: made by an earlier lmkit: make it again, or use that version")
    try:
        outputs = [Output.model_validate(output) for output in manifest["outputs"]]
    except (ValidationError, TypeError):
        raise InputError(f"{folder / MANIFEST}: damaged", "use another checkpoint") from None
    made = {"folder": str(folder), "stage": "pretrain (a checkpoint)", "step": manifest["step"]}
    return {
        "made": made | {"parameters": parameters(folder)},
        "state": checkpoint_state(folder),
        "outputs": _files(outputs),
        "problems": [{"text": problem} for problem in _problems(folder, outputs)],
    }


def _samples(
    config: InspectConfig, plan: Plan, outputs: Sequence[Output]
) -> Iterator[tuple[str, list[Sections]]]:
    """Yield samples of records; an error message instead of unreadable ones."""
    samplers: dict[str, Callable[[], list[Sections]]] = {
        f"sample_{kind}": partial(_sample_documents, config, outputs, kind)
        for kind in ("documents", "rejected", "quarantine", "cuts", "contamination")
    }
    if isinstance(plan, Manifest) and plan.stage == "pack":
        samplers["sample_row"] = partial(_sample_sequence, config, plan)
    if isinstance(plan, Manifest) and plan.stage == "train-tokenizer":
        samplers["special_tokens"] = partial(_special_tokens, config.folder)
        samplers["sample_pieces"] = partial(_sample_pieces, config.folder)
    for title, sampler in samplers.items() if config.samples else ():
        try:
            yield title, sampler()
        except (LmkitError, OSError) as error:
            yield title, [{"text": str(error)}]


def _sample_documents(
    config: InspectConfig, outputs: Sequence[Output], kind: str
) -> list[Sections]:
    """Return records from one shard: the first of the quarantine, else a sample by the seed."""
    shards = [output for output in outputs if fnmatch(output.name, f"{kind}-*.jsonl.zst")]
    if kind == "quarantine" and shards:
        return read_records(config.folder / shards[0].name, range(config.samples))
    if (picked := pick(shards, config.samples, config.seed)) is None:
        return []
    shard, numbers = picked
    found = read_records(config.folder / shard.name, numbers)
    short = [_shortened(record.pop("text", "")) for record in found]
    return [record | {"text": text} for record, text in zip(found, short, strict=True)]


def _sample_sequence(config: InspectConfig, plan: Manifest) -> list[Sections]:
    split = next((split for split in SPLITS if plan.details.get(split)), SPLITS[0])
    row = random.Random(config.seed).randrange(plan.details[split]["rows"])
    length, pad = plan.details["sequence_length"], plan.details["pad"]
    pieces = preview_sequence(config.folder, split, row, length, pad)
    where = {"row": f"{row:,} of {split}"}
    return [where | piece | {"text": _shortened(piece["text"])} for piece in pieces]


def _special_tokens(folder: Path) -> list[Sections]:
    return [{"text": " ".join(special_texts(Tokenizer.load(folder)))}]


def _sample_pieces(folder: Path) -> list[Sections]:
    return _pieces(folder, TEXT)


def _pieces(folder: Path, text: str) -> list[Sections]:
    """Tokenize a text with the tokenizer in a folder, or in its `tokenizer/`."""
    inside = folder / "tokenizer"
    return tokenized(Tokenizer.load(inside if (inside / TOKENIZER).is_file() else folder), text)


def _shortened(text: object) -> str:
    """Return the start of a text."""
    full = str(text)
    return full if len(full) <= MAX_CHARACTERS else full[:MAX_CHARACTERS] + " ..."


def result_text(_: "InspectConfig", sections: Mapping[str, Section]) -> str:
    """Return the sections as text."""
    return shown(sections)
