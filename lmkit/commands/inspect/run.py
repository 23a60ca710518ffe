"""Inspect: show what a folder holds, what made it, and from what.

Choices:
- It answers from manifest.json, or from the plan and the receipts of an unfinished folder. Of the
  files themselves it reads one shard for each kind of sample, and of that only the lines it
  shows: a big corpus is as quick to look at as a small one.
- What is missing, cut or damaged is named and not an error: one looks because something is wrong.
- Nothing here needs torch, a run's weights included: their names and shapes lie in plain JSON.
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
from lmkit.deduplication.summary import described
from lmkit.errors import InputError, LmkitError
from lmkit.execution.tables import Section, shown
from lmkit.filters.ablation import removals, with_limits
from lmkit.filters.outcome_counts import account
from lmkit.filters.rules import rules_of_manifest
from lmkit.packing.preview import TEXT, cut_text, show_row, special
from lmkit.tokenizers.tokenizer import TOKENIZER, Tokenizer
from lmkit.training.checkpoints.run_summary import (
    checkpoint_manifest,
    checkpoint_state,
    describe_run,
    parameters,
)

SHOWN_CHARACTERS = 300
SHOWN_INPUTS = 20
SHOWN_STEPS = 5
SIDES = ("train", "validation")
"""Where a stage has another name than its command."""

Sections = dict[str, Any]
"""What is shown: tables of facts, or lists of such tables, by title."""


def inspect_folder(config: InspectConfig) -> Sections:
    """Look at a folder; the same sections go to a person and to a script."""
    folder = config.folder
    if config.text is not None:
        return {"pieces": _pieces(folder, config.text)}
    if (checkpoint := checkpoint_manifest(folder)) is not None:
        return _checkpoint(folder, checkpoint)
    plan, receipts = _plan(folder)
    outputs = _outputs_of(plan, receipts)
    if config.rules or config.limits is not None or config.document is not None:
        return _judged(config, plan, outputs)
    return {
        "made": _made(folder, plan),
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
        raise InputError(f"{folder}: no such folder", "name a folder that lmkit made")
    if not folder.is_dir():
        raise InputError(
            f"{folder}: a file, must be a folder", f"try: lmkit inspect {_home(folder)}"
        )
    try:
        if manifest := read(Manifest, folder / MANIFEST):
            refuse_other_format(manifest, folder)
            return manifest, []
        plan = read(Plan, folder / PARTIAL / "plan.json")
    except InputError:
        raise
    except LmkitError:
        raise InputError(*_not_ours(folder)) from None
    if plan is None:
        home = _home(folder)
        hint = f"try: lmkit inspect {home}" if home != folder else "name a folder that lmkit made"
        raise InputError(f"{folder}: not made by lmkit: it holds no {MANIFEST}", hint)
    refuse_other_format(plan, folder)
    return plan, [*_receipts(folder)]


def _home(place: Path) -> Path:
    """Return the folder around a place that lmkit made, if there is one, else its own."""
    around = (*place.parents, *place.absolute().parents)  # as it was typed, if that will do
    made = (up for up in around if (up / MANIFEST).is_file())
    return next(made, place if place.is_dir() else place.parent)


def _not_ours(folder: Path) -> tuple[str, str]:
    """Tell someone else's manifest from a damaged one: a message and a hint."""
    path = folder / MANIFEST if (folder / MANIFEST).exists() else folder / PARTIAL / "plan.json"
    try:
        found = json.loads(path.read_bytes())
        ours = isinstance(found, dict) and {"stage", "lmkit"} <= cast(dict[str, Any], found).keys()
    except ValueError:
        ours = True  # whoever wrote it, it is broken
    if ours:
        return f"{path}: damaged", f"put back a good copy, or make {folder} again from its inputs"
    return f"{path}: not a file that lmkit wrote", "name a folder that lmkit made"


def _receipts(folder: Path) -> Iterator[Receipt]:
    for path in sorted((folder / PARTIAL).glob("*-[0-9]*.json")):
        try:
            if receipt := read(Receipt, path):  # a run at work may remove it meanwhile
                yield receipt
        except LmkitError:
            continue  # the task will be done again


def _outputs_of(plan: Plan, receipts: Sequence[Receipt]) -> list[Output]:
    if isinstance(plan, Manifest):
        return [*plan.outputs]
    return [output for receipt in receipts for output in receipt.outputs]


def _counts_of(plan: Plan, receipts: Sequence[Receipt]) -> Counts:
    if isinstance(plan, Manifest):
        return plan.counts
    return Counts.total(receipt.counts for receipt in receipts)


def _made(folder: Path, plan: Plan) -> Sections:
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
        "to_go_on": f"unless it is at work, the same lmkit {plan.stage} command goes on from here",
    }


def _common(paths: Sequence[str]) -> str:
    same_kind = len({Path(path).is_absolute() for path in paths}) == 1
    return commonpath(paths if same_kind else map(abspath, paths))


def _inputs(inputs: Sequence[Input]) -> list[Sections]:
    """Sum up raw files by their label; the sizes of other folders are in their own manifests."""
    groups: dict[tuple[str, bool], list[Input]] = {}
    for item in inputs:
        groups.setdefault((item.source, item.modified is None), []).append(item)
    rows: list[Sections] = []
    for (source, made), items in list(groups.items())[:SHOWN_INPUTS]:
        paths = [item.path for item in items]
        where = paths[0] if len(paths) == 1 else _common(paths)
        total = sum(item.bytes for item in items)
        row: Sections = {"source": source, "path": where}
        row |= {} if made else {"files": len(items)}
        rows.append(row | ({"bytes": total} if total else {}))
    if rest := list(groups.values())[SHOWN_INPUTS:]:
        files = [item for items in rest for item in items]
        total = sum(item.bytes for item in files)
        others = f"and {len(rest):,} more sources"
        rows.append({"source": others, "path": "", "files": len(files), "bytes": total})
    return rows


def _options(plan: Plan) -> Sections:
    """Return the options that somebody chose; of a stage that isn't known here, all."""
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
    """Sum up shards that differ in their number."""
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
            yield f"{file}: has {now:,} bytes, had {output.bytes:,} when it was made"


def _judged(config: InspectConfig, plan: Plan, outputs: Sequence[Output]) -> Sections:
    """Show what the rules of a cleaned folder did, or would do with other limits."""
    shards = [output for output in outputs if fnmatch(output.name, "signals-*.parquet")]
    if plan.stage != "clean" or not shards:
        raise InputError(f"{config.folder}: holds no measures", "name a folder that clean made")
    rules = with_limits(rules_of_manifest(plan.config), config.limits or "")
    names = sorted({rule.signal for rule in rules})
    paths = [config.folder / output.name for output in shards]
    if config.document is not None:
        table = read_signals(paths)
        # A part of a document was judged as the whole: its id is that of the whole and a number.
        known = {config.document, config.document.rpartition("#")[0]} - {""}
        rows = table.filter([key in known for key in table["id"].to_pylist()]).to_pylist()
        if not rows:
            raise InputError(f"--document: {config.folder} has met no document {config.document!r}")
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
    # Most folders have no empty document, and a copy of each column costs as much as reading it.
    numbers = {name: each[~empty] if empty.any() else each for name, each in columns.items()}
    found = int(len(empty) - empty.sum())
    rows, kept = removals(numbers, rules) if names else ([], found)
    facts = {"documents": len(empty), "empty": len(empty) - found}
    return {
        "verdicts": facts | {"kept_as_made": reasons.null_count, "kept_by_these_limits": kept},
        "rules": rows,
    }


def _contents(folder: Path, plan: Plan) -> Sections:
    """Return the sections that only this kind of folder has."""
    details = plan.details if isinstance(plan, Manifest) else {}
    if plan.stage == "pretrain":
        goal = {"steps_wanted": plan.config.get("steps")}
        return describe_run(folder, goal | details, SHOWN_STEPS)
    if plan.stage == "pack":
        return _packed(details)
    if plan.stage == "clean":
        return account(details)
    if plan.stage == "dedup":
        return _deduplicated(details)
    if plan.stage == "train-tokenizer":
        facts = {key: details[key] for key in details if key != "report" and details[key] != []}
        return {"tokenizer": facts, **_report(folder)}
    return {"details": flat(details)}


def _deduplicated(details: Mapping[str, Any]) -> Sections:
    rows = sorted(details.get("test_sets", []), key=lambda row: (-row["share"], row["set"]))
    more = [{"set": f"and {len(rows) - SHOWN_INPUTS:,} more"}]
    shown = [*rows[:SHOWN_INPUTS], *(more if len(rows) > SHOWN_INPUTS else [])]
    return described(details) | {"test_sets": shown} if details else {}


def _packed(details: Mapping[str, Any]) -> Sections:
    sides: list[Sections] = []
    for side in SIDES:
        if found := details.get(side):
            ratio = found["bytes_of_text"] / max(1, found["tokens"])
            keys = ("documents", "cut", "tokens", "rows", "padding", "padding_share")
            shown = {key: found[key] for key in keys if key in found}
            sides.append({"side": side, **shown, "bytes_per_token": round(ratio, 3)})
    rest = {key: value for key, value in details.items() if not isinstance(value, dict)}
    sources = [{"source": name, **found} for name, found in details.get("sources", {}).items()]
    return {"rows": rest, "sides": sides, "sources": sources}


def _report(folder: Path) -> Sections:
    """Return what a tokenizer's report says, the longest tokens in a section of their own."""
    try:
        rows: list[Sections] = json.loads((folder / "report.json").read_text("utf-8"))
        longest = [
            {"tokenizer": row["tokenizer"], "source": row["source"], "token": repr(token)}
            for row in rows
            if row["source"] == "all"
            for token in row["longest_tokens"]
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return {}  # from an older version, or named among the problems
    shown = [{key: row[key] for key in row if key != "longest_tokens"} for row in rows]
    more = [{"tokenizer": "", "source": f"and {len(shown) - SHOWN_INPUTS:,} more"}]
    cut = [*shown[:SHOWN_INPUTS], *(more if len(shown) > SHOWN_INPUTS else [])]
    return {"report": cut, "longest_tokens": longest}


def _checkpoint(folder: Path, manifest: Sections) -> Sections:
    if manifest.get("format") != FORMAT:
        raise InputError(f"{folder}: made by an earlier lmkit: make it again, or use that version")
    try:
        outputs = [Output.model_validate(output) for output in manifest["outputs"]]
    except (ValidationError, TypeError):
        raise InputError(f"{folder / MANIFEST}: damaged", "take another checkpoint") from None
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
    """Yield what a few records look like; what can't be read is said in the place of them."""
    looks: dict[str, Callable[[], list[Sections]]] = {
        f"sample_{kind}": partial(_sample_documents, config, outputs, kind)
        for kind in ("documents", "rejected", "quarantine", "cuts", "contamination")
    }
    if isinstance(plan, Manifest) and plan.stage == "pack":
        looks["sample_row"] = partial(_sample_row, config, plan)
    if isinstance(plan, Manifest) and plan.stage == "train-tokenizer":
        looks["special_tokens"] = partial(_special_tokens, config.folder)
        looks["sample_pieces"] = partial(_sample_pieces, config.folder)
    for title, look in looks.items() if config.samples else ():
        try:
            yield title, look()
        except (LmkitError, OSError) as error:
            yield title, [{"text": str(error)}]


def _sample_documents(
    config: InspectConfig, outputs: Sequence[Output], kind: str
) -> list[Sections]:
    """Show records from one shard: of the quarantine the first, else some by the seed."""
    shards = [output for output in outputs if fnmatch(output.name, f"{kind}-*.jsonl.zst")]
    if kind == "quarantine" and shards:
        return read_records(config.folder / shards[0].name, range(config.samples))
    if (picked := pick(shards, config.samples, config.seed)) is None:
        return []
    shard, numbers = picked
    found = read_records(config.folder / shard.name, numbers)
    short = [_short(record.pop("text", "")) for record in found]
    return [record | {"text": text} for record, text in zip(found, short, strict=True)]


def _sample_row(config: InspectConfig, plan: Manifest) -> list[Sections]:
    side = next((side for side in SIDES if plan.details.get(side)), SIDES[0])
    row = random.Random(config.seed).randrange(plan.details[side]["rows"])
    length, pad = plan.details["sequence_length"], plan.details["pad"]
    pieces = show_row(config.folder, side, row, length, pad)
    where = {"row": f"{row:,} of {side}"}
    return [where | piece | {"text": _short(piece["text"])} for piece in pieces]


def _special_tokens(folder: Path) -> list[Sections]:
    return [{"text": " ".join(special(Tokenizer.load(folder)))}]


def _sample_pieces(folder: Path) -> list[Sections]:
    return _pieces(folder, TEXT)


def _pieces(folder: Path, text: str) -> list[Sections]:
    """Cut a text with the tokenizer that lies in a folder, or in its `tokenizer/`."""
    inside = folder / "tokenizer"
    return cut_text(Tokenizer.load(inside if (inside / TOKENIZER).is_file() else folder), text)


def _short(text: object) -> str:
    """Return the beginning of a text."""
    whole = str(text)
    return whole if len(whole) <= SHOWN_CHARACTERS else whole[:SHOWN_CHARACTERS] + " ..."


def result_text(_: "InspectConfig", sections: Mapping[str, Section]) -> str:
    """Show the sections."""
    return shown(sections)
