"""What a run or a checkpoint says about itself, read without torch.

Choices:
- The numbers come from the small files beside the weights: model.json, metrics.jsonl, the state
  of each checkpoint. A run at work may be writing them, so a broken last line is left out.
- Weights are counted from the head of their file, where safetensors keeps names and shapes as
  JSON.
- The names of the files stand here once more, because the modules that write them need torch.
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, cast

from lmkit.artifacts.manifest import MANIFEST, flat

CHECKPOINTS = "checkpoints"
INDEX = "index.json"
STATE = "state.json"
WEIGHTS = "model.safetensors"
METRICS = "metrics.jsonl"

LONGEST_HEAD = 100_000_000
TAIL_BYTES = 64_000

Facts = dict[str, Any]


def _run(folder: Path, details: Mapping[str, Any]) -> Sections:
    metrics = _tail(folder / "metrics.jsonl")
    index = _json(folder / "checkpoints" / "index.json")
    facts: Sections = {}
    if metrics:
        facts = {key: metrics[-1].get(key) for key in ("step", "tokens", "loss")}
    for name in ("latest", "best"):
        if checkpoint := index.get(name):
            facts[f"{name} checkpoint"] = checkpoint
            state = _json(folder / "checkpoints" / checkpoint / "state.json")
            if state.get("validation_loss") is not None:
                facts[f"validation loss of the {name}"] = state["validation_loss"]
    if index.get("latest"):
        facts["parameters"] = _parameters(folder / "checkpoints" / index["latest"])
    described = _json(folder / "model.json")
    model = flat(described.pop("model", {}))
    history = [
        {"from step": each.get("step"), "change": "; ".join(each.get("changes", []))}
        for each in _tail(folder / "history.jsonl")
    ]
    return {
        "run": facts | flat(details),
        "model": described | model,
        "resolved": _json(folder / "resolved.json"),
        "changes on the way": history,
        "last steps": metrics[-SHOWN_STEPS:],
    }


def _checkpoint_manifest(folder: Path) -> Sections | None:
    """Return what a checkpoint says about its files; None where it isn't one."""
    found = _json(folder / MANIFEST)
    return found if {"step", "outputs"} == found.keys() else None


def _checkpoint(folder: Path, manifest: Sections) -> Sections:
    outputs = [Output.model_validate(output) for output in _list(manifest["outputs"])]
    made = {"folder": str(folder), "stage": "pretrain (a checkpoint)", "step": manifest["step"]}
    weights = {"parameters": _parameters(folder)}
    return {
        "made": made | weights,
        "state": flat(_json(folder / "state.json")),
        "outputs": _files(outputs),
        "problems": [{"text": problem} for problem in _problems(folder, outputs)],
    }


def _list(value: object) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _parameters(checkpoint: Path) -> int | None:
    """Count the weights: a safetensors file begins with their names and shapes in JSON."""
    try:
        with (checkpoint / "model.safetensors").open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, LONGEST_LINE)))
        return sum(prod(each["shape"]) for name, each in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _json(path: Path) -> Sections:
    """Read a JSON object; what is missing or damaged reads as empty."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast(Sections, found) if isinstance(found, dict) else {}


def _tail(path: Path) -> list[Sections]:
    """Read the last records of a file of lines; a run may be writing the very last."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, 2) - TAIL_BYTES)
            file.seek(start)
            found = file.read(TAIL_BYTES).split(b"\n")[1 if start else 0 : -1]
        return [json.loads(line) for line in found]
    except (OSError, ValueError):
        return []
