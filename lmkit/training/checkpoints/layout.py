"""The checkpoints of a run, and whether they are intact; read without torch.

Choices:
- The folders are authoritative and index.json only points to them: a crash between the last rename
  and the new index loses nothing.
- Every file is checked against its SHA-256 before it is used: a truncated file of weights often
  still loads.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lmkit.errors import LmkitError
from lmkit.storage.atomic_files import sha256
from lmkit.storage.json_bytes import read_object

CHECKPOINTS = "checkpoints"
INDEX = "index.json"
MANIFEST = "manifest.json"
MODEL = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
AVERAGE = "average"
"""The folder of the mean of the last checkpoints (`averaging.py`)."""


@dataclass(frozen=True)
class Index:
    """The latest and the best checkpoint of a run, by the names of their folders."""

    latest: str | None = None
    best: str | None = None
    """The lowest `validation_loss`, of those that are kept."""


def choose_checkpoint(run: Path, warn: Callable[[str], None]) -> Path:
    """Return the checkpoint that a run is used with: the best, else the newest, if it is intact."""
    newest = newest_first(run)
    best = [checkpoint for checkpoint in newest if checkpoint.name == read_index(run).best]
    for checkpoint in [*best, *newest]:
        if not (problem := find_corruption(checkpoint)):
            return checkpoint
        warn(f"{checkpoint}: {problem}; trying another checkpoint")
    raise LmkitError(f"{run}: no intact checkpoint", "train first: lmkit pretrain")


def newest_first(run: Path) -> list[Path]:
    """Return the folders of a run's checkpoints, intact or not."""
    folders = (run / CHECKPOINTS).glob("step-*")
    return sorted(
        (folder for folder in folders if re.fullmatch(r"step-\d{8,}", folder.name)),
        key=step_of,
        reverse=True,
    )


def name_of(step: int) -> str:
    """Return the name of a checkpoint's folder.

    >>> name_of(1000)
    'step-00001000'
    """
    return f"step-{step:08}"


def step_of(checkpoint: Path) -> int:
    """Return the step after which a checkpoint was saved; of a mean, the last checkpoint."""
    if checkpoint.name == AVERAGE:
        return int(read_object(checkpoint / MANIFEST)["step"])
    return int(checkpoint.name.removeprefix("step-"))


def read_index(run: Path) -> Index:
    """Read the latest and the best checkpoint of a run."""
    try:
        values = read_object(run / CHECKPOINTS / INDEX)
        return Index(values.get("latest"), values.get("best"))
    except (OSError, ValueError):
        return Index()


def find_corruption(checkpoint: Path) -> str | None:
    """Return what is wrong with the files of a checkpoint; None: nothing."""
    try:
        manifest = read_object(checkpoint / MANIFEST)
        outputs = manifest["outputs"]
        if checkpoint.name == AVERAGE and type(manifest["step"]) is not int:
            return f"{MANIFEST} is corrupt"
        files = {MODEL, STATE} if checkpoint.name == AVERAGE else {MODEL, OPTIMIZER, STATE}
        if {output["name"] for output in outputs} != files:
            return f"{MANIFEST} is corrupt"
        for output in outputs:
            file = checkpoint / output["name"]
            if file.stat().st_size != output["bytes"] or sha256(file) != output["sha256"]:
                return f"{output['name']} is corrupt"
    except OSError as error:
        return f"cannot be read ({error.strerror}: {Path(error.filename or checkpoint).name})"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is corrupt"
    return None if _is_object(checkpoint / STATE) else f"{STATE} is corrupt"


def _is_object(path: Path) -> bool:
    """Whether a file holds a JSON object; its checksum may be that of damaged bytes."""
    try:
        read_object(path)
    except (OSError, ValueError):
        return False
    return True
