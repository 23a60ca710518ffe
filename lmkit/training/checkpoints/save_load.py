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
- It contains full tensors, however they are sharded: a run can resume with any other parallel mode.
  It is written from copies, so that training can continue meanwhile; sharded tensors are written as
  they are gathered (`streamed_save`).
- A process reads its part of each tensor, one after the other.
- No pickle: loading a checkpoint runs no code.
- No generator state: the loop seeds torch at each step from the run's seed, the step and the rank,
  so dropout is a function of the step.
"""

import json
import math
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
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
from lmkit.training.checkpoints.saved_weights import refuse_other_weights, weights
from lmkit.training.checkpoints.tensor_file import (
    StoredShape,
    TensorFile,
    file_order,
    write_tensors,
)
from lmkit.training.distributed.sharded_weights import (
    LocalShard,
    local_part,
    local_shards,
    sharded_axis,
)
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
) -> Snapshot:
    """Copy a model that isn't sharded, and its optimizer."""
    moments = moments_of(optimizer, local_shards(model) if held_weights is None else held_weights)
    return Snapshot(
        {name: _copied(tensor) for name, tensor in weights(model).items()},
        {name: _copied(value) for name, (_, value) in moments.items()},
    )


def moments_of(
    optimizer: Optimizer | CombinedOptimizer, held_weights: Sequence[LocalShard]
) -> dict[str, tuple[LocalShard, Tensor]]:
    """Return the tensors of the optimizer's state by their names, with the weights they are of."""
    state = optimizer.state
    return {
        f"{one.name}.{key}": (one, value)
        for one in held_weights
        for key, value in state.get(one.local, {}).items()
    }


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
    with begun(run, step, state) as partial:
        for file, tensors in ((MODEL, copy.weights), (OPTIMIZER, copy.moments)):
            shapes = {name: StoredShape(t.dtype, tuple(t.shape)) for name, t in tensors.items()}
            pieces = (tensors[name] for name in file_order(shapes))
            write_tensors(partial / file, shapes, pieces)
    return finish(run, step, keep)


@contextmanager
def begun(run: Path, step: int, state: Mapping[str, Any]) -> Generator[Path]:
    """Yield a folder, with the state in it, for the tensors of a checkpoint."""
    folder = run / CHECKPOINTS
    folder.mkdir(exist_ok=True)
    _remove_leftovers(folder)
    with _removed_after_an_error(_partial(run, step)) as partial:
        partial.mkdir()
        write_json(partial / STATE, state)
        yield partial


def finish(run: Path, step: int, keep: int = 2) -> Path:
    """Complete a checkpoint whose tensors are written; `save` says the rest."""
    folder = run / CHECKPOINTS
    final = folder / name_of(step)
    with _removed_after_an_error(_partial(run, step)) as partial:
        seal(partial, step, (MODEL, OPTIMIZER, STATE))
        if final.exists():  # corrupt, or the run was rolled back to before it
            _remove(final)
        partial.rename(final)
        fsync(folder)
        index = _update_index(folder, step)
    _delete_others(folder, step, index, keep)
    return final


def _partial(run: Path, step: int) -> Path:
    return run / CHECKPOINTS / (PARTIAL + name_of(step))


@contextmanager
def _removed_after_an_error(partial: Path) -> Generator[Path]:
    try:
        yield partial
    except BaseException:
        # A full disk needs the space, and a user may look into the folder.
        shutil.rmtree(partial, ignore_errors=True)
        raise


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
        load_model(checkpoint, model)
        _load_optimizer(checkpoint, held_weights or local_shards(model), optimizer)
        return read_object(checkpoint / STATE)
    raise LmkitError(
        f"{run / CHECKPOINTS}: no intact checkpoint",
        "start the run again with --overwrite, or restore an intact checkpoint",
    )


def load_model(checkpoint: Path, model: nn.Module) -> None:
    """Load the weights of a checkpoint that has been checked, of sharded ones the own part."""
    model_tensors = weights(model)
    saved = TensorFile.at(checkpoint / MODEL)
    refuse_other_weights(checkpoint, saved.shapes, model_tensors)
    for name, tensor in model_tensors.items():
        part = local_part(tensor)
        is_sharded = sharded_axis(tensor) is not None
        with saved.opened(name, part if is_sharded else None) as stored:
            part.tensor.copy_(stored)


def _load_optimizer(
    checkpoint: Path, held_weights: Sequence[LocalShard], optimizer: Optimizer | CombinedOptimizer
) -> None:
    """Give each weight its moments; torch puts them on the device where its kernel needs them."""
    saved = TensorFile.at(checkpoint / OPTIMIZER)
    by_name = {one.name: one for one in held_weights}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, shape in saved.shapes.items():
        # A name may be the prefix of another ("norm", "norm.gain"); a key has no dot.
        weight, _, key = name.rpartition(".")
        if weight not in by_name:
            continue
        one = by_name[weight]
        is_divided = one.is_sharded and shape == tuple(one.parameter.shape)
        with saved.opened(name, local_part(one.parameter) if is_divided else None) as stored:
            moments.setdefault(id(one.local), {})[key] = stored.clone()
    for part in parts_of(optimizer):
        numbered = part.state_dict()
        numbers = {
            id(parameter): number
            for group, numbers in zip(part.param_groups, numbered["param_groups"], strict=True)
            for parameter, number in zip(group["params"], numbers["params"], strict=True)
        }
        states = {number: moments[key] for key, number in numbers.items() if key in moments}
        part.load_state_dict({"state": states, "param_groups": numbered["param_groups"]})


def seal(folder: Path, step: int, names: Sequence[str]) -> None:
    """Wait until files are on disk, and write the manifest that lists them."""
    files = [folder / name for name in names]
    for file in files:
        fsync(file)
    outputs = [{"name": f.name, "bytes": f.stat().st_size, "sha256": sha256(f)} for f in files]
    write_json(folder / MANIFEST, {"format": FORMAT, "step": step, "outputs": outputs})
    fsync(folder / MANIFEST)
    fsync(folder)


def _update_index(folder: Path, step: int) -> Index:
    """Point to the new checkpoint, and to the best of those up to it; of equals, the newest."""
    losses = {checkpoint.name: _validation_loss(checkpoint) for checkpoint in _up_to(folder, step)}
    best = min(losses, key=lambda name: losses[name])
    index = Index(latest=name_of(step), best=best if math.isfinite(losses[best]) else None)
    with _scratch(folder) as scratch, atomic_write(folder / INDEX, scratch) as temporary:
        write_json(temporary, asdict(index))
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


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Write an object to a file."""
    file.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", "utf-8")
