"""The mean of the weights of a run's last checkpoints: a model beside them.

    checkpoints/average/      model.safetensors, state.json and manifest.json, as in a checkpoint

Choices:
- Latest weight averaging (Kaddour 2022, arXiv 2209.14981), over the checkpoints that a run keeps
  anyway: training has no more state, costs nothing more, and resumes bit by bit.
- Only checkpoints that --save-every asks for count, and the last: one that was saved because the
  run was stopped is left out, so that a stop changes nothing.
- A tensor at a time, summed in fp64 and rounded once. Whole numbers, as counts, are the last ones.
- Nothing takes it for a checkpoint: no run resumes from it, and none is chosen by its loss.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lmkit.storage.atomic_files import fsync
from lmkit.storage.json_bytes import read_object
from lmkit.training.checkpoints.layout import (
    AVERAGE,
    CHECKPOINTS,
    MODEL,
    STATE,
    newest_first,
    step_of,
)
from lmkit.training.checkpoints.save_load import seal, write_json
from lmkit.training.checkpoints.tensor_file import (
    StoredShape,
    TensorFile,
    file_order,
    write_tensors,
)

PARTIAL = ".partial-average"


def averaged_checkpoints(run: Path, count: int, is_due: Callable[[int], bool]) -> list[Path]:
    """Return the last checkpoints of a run that were due, the oldest first; fewer if there are."""
    due = [checkpoint for checkpoint in newest_first(run) if is_due(step_of(checkpoint))]
    return due[:count][::-1]


def write_mean(run: Path, checkpoints: Sequence[Path]) -> Path:
    """Write the mean of the weights to a folder that isn't complete; return the folder."""
    partial = run / CHECKPOINTS / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    files = [TensorFile.at(checkpoint / MODEL) for checkpoint in checkpoints]
    shapes: dict[str, StoredShape] = {}
    for name, shape in files[-1].shapes.items():
        with files[-1].opened(name) as tensor:
            shapes[name] = StoredShape(tensor.dtype, shape)
    write_tensors(partial / MODEL, shapes, (_mean(files, name) for name in file_order(shapes)))
    return partial


def complete(run: Path, partial: Path, last: Path, validation_loss: float | None) -> Path:
    """Move it to its place, with the state of the last checkpoint and its own loss."""
    state = read_object(last / STATE) | {"validation_loss": validation_loss}
    write_json(partial / STATE, state)
    seal(partial, step_of(last), (MODEL, STATE))
    final = run / CHECKPOINTS / AVERAGE
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    fsync(final.parent)
    return final


def _mean(files: Sequence[TensorFile], name: str) -> Tensor:
    with files[-1].opened(name) as last:
        if not last.is_floating_point():
            return last.clone()
        total, dtype = torch.zeros(last.shape, dtype=torch.float64), last.dtype
    for tensor in _tensors(files, name):
        total += tensor
    return (total / len(files)).to(dtype)


def _tensors(files: Sequence[TensorFile], name: str) -> Iterator[Tensor]:
    for file in files:
        with file.opened(name) as tensor:
            yield tensor
