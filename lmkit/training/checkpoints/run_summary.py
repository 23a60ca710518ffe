"""A summary of a run or a checkpoint, read without torch.

Choices:
- The numbers come from the small files next to the weights: model.json, metrics.jsonl, the state of
  each checkpoint. An active run may be writing them, so an incomplete last line is ignored.
- The last scores on tasks may stand far above the last line: the file is read backwards for them.
- Weights are counted from the header of their file, where safetensors keeps names and shapes as
  JSON.
"""

from collections.abc import Mapping
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, cast

from lmkit.artifacts.manifest import flat
from lmkit.evaluation.tasks.score_table import COLUMNS
from lmkit.storage.json_bytes import from_json, object_of, read_object
from lmkit.training.checkpoints.layout import CHECKPOINTS, INDEX, MANIFEST, MODEL, STATE
from lmkit.training.evaluations.samples_file import SAMPLES
from lmkit.training.metrics import METRICS

MAX_HEADER_BYTES = 100_000_000
TAIL_BYTES = 64_000
SCORED = ("tasks", "groups")
"""Where the scores on tasks are in a line."""

Facts = dict[str, Any]

TABLES = {"tasks", "earlier"}
"""Of what was resolved: hashes, and what is shown as changes."""


def describe_run(folder: Path, details: Mapping[str, Any], last_steps: int) -> dict[str, Any]:
    """Return tables of facts by title: the progress of the run, its model, its last steps."""
    metrics = _tail(folder / METRICS)
    facts: Facts = {}
    if metrics:
        facts = {key: metrics[-1].get(key) for key in ("step", "tokens", "loss")}
    index = _json(folder / CHECKPOINTS / INDEX)
    for name in ("latest", "best"):
        if checkpoint := index.get(name):
            facts[f"{name}_checkpoint"] = checkpoint
            state = _json(folder / CHECKPOINTS / str(checkpoint) / STATE)
            if state.get("validation_loss") is not None:
                facts[f"{name}_validation_loss"] = state["validation_loss"]
    if index.get("latest"):
        facts["parameters"] = parameters(folder / CHECKPOINTS / str(index["latest"]))
    model = _json(folder / "model.json")
    changes = [
        {"from_step": entry.get("step"), "change": "; ".join(map(str, _list(entry.get("changes"))))}
        for entry in _tail(folder / "history.jsonl")
    ]
    steps = [{key: v for key, v in line.items() if key not in SCORED} for line in metrics]
    samples = _tail(folder / SAMPLES)
    rest = {key: value for key, value in details.items() if key != "mixture"}
    return {
        "run": facts | flat(rest),
        "mixture": details.get("mixture", []),
        "model": flat({**model, **_object(model.get("model")), "model": {}}),
        "resolved": {k: v for k, v in _json(folder / "resolved.json").items() if k not in TABLES},
        "changes": changes,
        **_last_scores(folder / METRICS),
        "last_samples": [each for each in samples if each.get("step") == samples[-1].get("step")],
        "last_steps": steps[-last_steps:] if last_steps else [],
    }


def _last_scores(path: Path) -> dict[str, list[Facts]]:
    """Return rows of the last scores of tasks, and of groups of them."""
    line = _last_scored(path)
    return {
        kind: [
            {"step": line.get("step"), kind.removesuffix("s"): name}
            | {score: scores[score] for score in COLUMNS if score in _object(scores)}
            for name, scores in _object(line.get(kind)).items()
        ]
        for kind in SCORED
    }


def checkpoint_manifest(folder: Path) -> Facts | None:
    """Return the manifest of a checkpoint; None where it isn't one."""
    found = _json(folder / MANIFEST)
    return found if {"step", "outputs"} == found.keys() - {"format"} else None


def checkpoint_state(checkpoint: Path) -> Facts:
    """Return the training state of a checkpoint."""
    return flat(_json(checkpoint / STATE))


def parameters(checkpoint: Path) -> int | None:
    """Count the weights: a safetensors file begins with their names and shapes in JSON."""
    try:
        with (checkpoint / MODEL).open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = from_json(file.read(min(length, MAX_HEADER_BYTES)))
        return sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _json(path: Path) -> Facts:
    """Read a JSON object; a missing or corrupt one reads as empty."""
    try:
        return read_object(path)
    except (OSError, ValueError):
        return {}


def _object(value: Any) -> Facts:
    """Return an object; nothing for any other value, which a damaged file may hold."""
    return cast(Facts, value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _tail(path: Path) -> list[Facts]:
    """Read the last records of a file of lines; a run may be writing the very last."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, 2) - TAIL_BYTES)
            file.seek(start)
            found = file.read(TAIL_BYTES).split(b"\n")[1 if start else 0 : -1]
        records = [from_json(line) for line in found]
    except (OSError, ValueError):
        return []
    return [cast(Facts, record) for record in records if isinstance(record, dict)]


def _last_scored(path: Path) -> Facts:
    """Return the last complete line with scores on tasks; nothing where there is none."""
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as lines:
            found = lines.rfind(b'"tasks": {', 0, lines.rfind(b"\n") + 1)
            if found < 0:
                return {}
            start, end = lines.rfind(b"\n", 0, found) + 1, lines.find(b"\n", found)
            return object_of(from_json(lines[start:end]))
    except (OSError, ValueError):  # also for an empty file
        return {}
