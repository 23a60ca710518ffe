"""Checkpoints: saved atomically, and loaded after a check.

    checkpoints/
      step-00001000/
        model.safetensors       weights by name; tied ones once
        optimizer.safetensors   "name.exp_avg", "name.exp_avg_sq", "name.step" of every weight
        state.json              the progress of the run
        manifest.json           name, bytes and SHA-256 of the three, written last
      index.json                {"latest": "step-00001000", "best": "step-00000800"}

Choices:
- A checkpoint is written to a temporary folder, synced to disk and renamed. However a save ends,
  the older checkpoints can be read; its leftovers are removed by the next save.
- A corrupt checkpoint (`layout`) is skipped with a warning, in favour of the one before.
- The optimizer's state is stored by the name of the weight. By number, as torch counts, other
  parameter groups would silently give each weight the moments of another.
- It is written from copies, so that training can continue meanwhile, and contains full tensors,
  however they are sharded: a run can resume with any other parallel mode.
- No pickle: loading a checkpoint runs no code.
- No generator state: the loop seeds torch at each step from the run's seed, the step and the rank,
  so dropout is a function of the step.
"""

import errno
import json
import math
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from lmkit.artifacts.manifest import FORMAT
from lmkit.errors import LmkitError
from lmkit.storage.atomic_files import atomic_write, fsync, sha256
from lmkit.storage.json_bytes import read_object
from lmkit.training.checkpoints.layout import (
    CHECKPOINTS,
    INDEX,
    MANIFEST,
    MODEL,
    OPTIMIZER,
    STATE,
    Index,
    find_corruption,
    name_of,
    newest_first,
    step_of,
)
from lmkit.training.checkpoints.saved_weights import read_tensors, saved_weights, weights
from lmkit.training.distributed.sharded_weights import LocalShard, local_shards
from lmkit.training.optimizer import CombinedOptimizer, parts_of

PARTIAL, OLD = ".partial-", ".old-"


@dataclass(frozen=True)
class Snapshot:
    """A model in training, in tensors on the CPU that nothing else changes."""

    weights: dict[str, Tensor]
    moments: dict[str, Tensor]


def snapshot(
    model: nn.Module,
    optimizer: Optimizer | CombinedOptimizer,
    held_weights: Sequence[LocalShard] | None = None,
    *,
    keep: bool = True,
) -> Snapshot:
    """Copy a model and its optimizer; each process has to call it, and one may `keep` the copy."""
    held_weights = local_shards(model) if held_weights is None else held_weights
    state, kept_moments = optimizer.state, dict[str, Tensor]()
    for one in held_weights:
        for key, value in state.get(one.local, {}).items():
            full = one.full(value)
            if keep:
                kept_moments[f"{one.name}.{key}"] = _copied(full)
    kept_weights = dict[str, Tensor]()
    for name, tensor in weights(model).items():
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if keep:
            kept_weights[name] = _copied(full)
    return Snapshot(kept_weights, kept_moments)


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def save(
    run: Path,
    step: int,
    copy: Snapshot,
    state: Mapping[str, Any],
    keep: int = 2,
) -> Path:
    """Write the checkpoint of a step; keep the last few and the best, and delete the others.

    Args:
        run: the folder of the run.
        step: the step that has just been done.
        copy: what to write.
        state: JSON values; "validation_loss", where it is a number, decides the best.
        keep: how many of the last to keep, at least 1.

    Raises:
        OSError: the disk is full or broken. The older checkpoints still exist.

    """
    folder = run / CHECKPOINTS
    folder.mkdir(exist_ok=True)
    _remove_leftovers(folder)
    final, partial = folder / name_of(step), folder / (PARTIAL + name_of(step))
    try:
        partial.mkdir()
        _write(partial, step, copy, state)
        if final.exists():  # corrupt, or the run was rolled back to before it
            _remove(final)
        partial.rename(final)
        fsync(folder)
        index = _update_index(folder, step)
    except BaseException:
        # A full disk needs the space, and a user may look into the folder.
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _delete_others(folder, step, index, keep)
    return final


def load(
    run: Path,
    model: nn.Module,
    optimizer: Optimizer | CombinedOptimizer,
    warn: Callable[[str], None],
    held_weights: Sequence[LocalShard] | None = None,
) -> dict[str, Any]:
    """Load model and optimizer from the newest intact checkpoint; return its state.

    Raises:
        LmkitError: no checkpoint is intact.

    """
    for checkpoint in newest_first(run):
        if problem := find_corruption(checkpoint):
            warn(f"{checkpoint}: {problem}; going back to the checkpoint before it")
            continue
        _load_weights(checkpoint, model)
        _load_optimizer(checkpoint, held_weights or local_shards(model), optimizer)
        return read_object(checkpoint / STATE)
    raise LmkitError(
        f"{run / CHECKPOINTS}: no intact checkpoint",
        "start the run again with --overwrite, or restore an intact checkpoint",
    )


def _load_weights(checkpoint: Path, model: nn.Module) -> None:
    """Load the weights of a checkpoint that has been checked, of sharded ones the own part."""
    model_tensors = weights(model)
    saved = saved_weights(checkpoint, model_tensors)
    parts = {one.name: one for one in local_shards(model)}
    with torch.no_grad():
        for name, tensor in model_tensors.items():
            if isinstance(tensor, DTensor):
                parts[name].local.copy_(parts[name].shard(saved[name]))
            else:
                tensor.copy_(saved[name])


def _write(folder: Path, step: int, copy: Snapshot, state: Mapping[str, Any]) -> None:
    """Write the four files and wait until they are on disk."""
    _write_json(folder / STATE, state)
    _write_tensors(folder / MODEL, copy.weights)
    _write_tensors(folder / OPTIMIZER, copy.moments)
    files = [folder / name for name in (MODEL, OPTIMIZER, STATE)]
    for file in files:
        fsync(file)
    outputs = [{"name": f.name, "bytes": f.stat().st_size, "sha256": sha256(f)} for f in files]
    _write_json(folder / MANIFEST, {"format": FORMAT, "step": step, "outputs": outputs})
    fsync(folder / MANIFEST)
    fsync(folder)


def _write_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    try:
        save_file(dict(tensors), file)
    except SafetensorError as error:
        full = "os error 28" in str(error)  # only its message tells them apart
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error), str(file)) from error
    # save_file makes it readable only for its owner; it gets the permissions of the others.
    file.chmod((file.parent / STATE).stat().st_mode & 0o777)


def _load_optimizer(
    checkpoint: Path, held_weights: Sequence[LocalShard], optimizer: Optimizer | CombinedOptimizer
) -> None:
    """Give each weight its moments; torch puts them on the device where its kernel needs them."""
    saved = read_tensors(checkpoint / OPTIMIZER)
    moments: dict[int, dict[str, Tensor]] = {}
    for one in held_weights:
        # A name may be the prefix of another ("norm", "norm.gain"); a key has no dot.
        model_tensors = {
            key: value for key, value in saved.items() if key.rpartition(".")[0] == one.name
        }
        if model_tensors:
            found = {
                key.rpartition(".")[2]: one.shard(value) for key, value in model_tensors.items()
            }
            moments[id(one.local)] = found
    for part in parts_of(optimizer):
        numbered = part.state_dict()
        numbers = {
            id(parameter): number
            for group, numbers in zip(part.param_groups, numbered["param_groups"], strict=True)
            for parameter, number in zip(group["params"], numbers["params"], strict=True)
        }
        states = {number: moments[key] for key, number in numbers.items() if key in moments}
        part.load_state_dict({"state": states, "param_groups": numbered["param_groups"]})


def _update_index(folder: Path, step: int) -> Index:
    """Point to the new checkpoint, and to the best of those up to it; of equals, the newest."""
    losses = {checkpoint.name: _validation_loss(checkpoint) for checkpoint in _up_to(folder, step)}
    best = min(losses, key=lambda name: losses[name])
    index = Index(latest=name_of(step), best=best if math.isfinite(losses[best]) else None)
    with _scratch(folder) as scratch, atomic_write(folder / INDEX, scratch) as temporary:
        _write_json(temporary, asdict(index))
    return index


def _validation_loss(checkpoint: Path) -> float:
    """Return the validation loss of a checkpoint; infinite where there is none."""
    try:
        loss = read_object(checkpoint / STATE).get("validation_loss")
    except (OSError, ValueError):
        return math.inf
    return math.inf if loss is None else float(loss)


def _delete_others(folder: Path, step: int, index: Index, keep: int) -> None:
    """Delete old checkpoints, and later ones: the run was rolled back to before them."""
    kept = {checkpoint.name for checkpoint in _up_to(folder, step)[: max(keep, 1)]} | {index.best}
    for checkpoint in newest_first(folder.parent):
        if checkpoint.name not in kept:
            _remove(checkpoint)


def _up_to(folder: Path, step: int) -> list[Path]:
    return [checkpoint for checkpoint in newest_first(folder.parent) if step_of(checkpoint) <= step]


def _remove(checkpoint: Path) -> None:
    """Delete a folder; one that is half deleted never has a checkpoint's name."""
    renamed = checkpoint.with_name(OLD + checkpoint.name)
    checkpoint.rename(renamed)
    shutil.rmtree(renamed)


def _remove_leftovers(folder: Path) -> None:
    """Remove the leftovers of a save that was killed."""
    for leftover in [*folder.glob(PARTIAL + "*"), *folder.glob(OLD + "*")]:
        shutil.rmtree(leftover)


@contextmanager
def _scratch(folder: Path) -> Generator[Path]:
    scratch = folder / (PARTIAL + "index")
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_json(file: Path, values: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", "utf-8")
