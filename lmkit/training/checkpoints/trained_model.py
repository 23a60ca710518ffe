"""The model of a run, loaded for use.

    model.json      the model's options, and its objective
    tokenizer/      a copy
    checkpoints/    the weights

Choices:
- A run can be used while it is training: with its best checkpoint, else its latest.
- A folder `checkpoints/step-…` can be given instead.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lmkit.artifacts.manifest import FORMAT, Record, fingerprint
from lmkit.errors import InputError
from lmkit.execution.progress import warn
from lmkit.model.context_length import context_length
from lmkit.model.empty_weights import with_empty_weights
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.objectives.objective import Objective, Packing, objective_of
from lmkit.objectives.options import ObjectiveConfig
from lmkit.storage.atomic_files import sha256
from lmkit.storage.json_bytes import read_object
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.earlier_models import with_present_names
from lmkit.training.checkpoints.layout import (
    AVERAGE,
    CHECKPOINTS,
    MANIFEST,
    MODEL,
    choose_checkpoint,
    find_corruption,
    newest_first,
    step_of,
)
from lmkit.training.checkpoints.saved_weights import load_weights, saved_weights, weights

MODEL_JSON = "model.json"
TOKENIZER = "tokenizer"
HINT = "give a folder made by lmkit pretrain"


class Description(Record):
    """The content of model.json."""

    format: int = FORMAT
    model: dict[str, Any]
    vocabulary_size: int
    sequence_length: int
    objective: str
    objective_options: dict[str, Any] = {}  # noqa: RUF012 (a field's default, which pydantic copies)
    """The options of the objective, by group."""
    tokenizer: str
    """SHA-256 of its tokenizer.json."""
    bos: int | None
    eos: int | None
    """Ids added around each document; None where there was none."""
    trained_positions: int | None = None
    """Learned positions that were trained, the others being random; None: all, or not known, as in
    runs of earlier versions."""

    @property
    def config(self) -> ModelConfig:
        """The model's options."""
        return ModelConfig.model_validate(self.model)

    @property
    def longest(self) -> int:
        """Most tokens that the model was trained to read at once, or has positions for."""
        learned = self.trained_positions or self.config.longest
        return learned or context_length(self.config, self.sequence_length)

    @property
    def learned(self) -> Objective[Any]:
        """The objective of the model, with its options."""
        options = {"objective": self.objective, **self.objective_options}
        return objective_of(ObjectiveConfig.model_validate(options))

    @property
    def packing(self) -> Packing:
        """How the documents were packed that the model was trained on."""
        return Packing(self.sequence_length, self.bos, self.eos)


@dataclass(frozen=True)
class TrainedModel:
    """A model with all that is needed to use it."""

    model: Transformer
    tokenizer: Tokenizer
    description: Description


@dataclass(frozen=True)
class TrainedRun(TrainedModel):
    """The model of a checkpoint of a run."""

    checkpoint: Path

    @property
    def run(self) -> Path:
        """The run's folder."""
        return run_of(self.checkpoint)

    @property
    def step(self) -> int:
        """The step after which it was saved."""
        return step_of(self.checkpoint)


def open_run(path: Path, device: torch.device, hint: str = HINT) -> TrainedRun:
    """Load the model of a run, or of one of its checkpoints; `hint` is as for `find_run`.

    Raises InputError for a folder that is neither, or whose parts don't belong together.
    """
    run, checkpoint = find_run(path, hint)
    description = read_description(run)
    tokenizer = Tokenizer.load(run / TOKENIZER)
    if tokenizer.fingerprint != description.tokenizer:
        raise InputError(
            f"{run / TOKENIZER}: not the tokenizer that {run / MODEL_JSON} was trained with",
            "restore the right one",
        )
    with torch.device("meta"):
        model = Transformer(description.config, description.vocabulary_size)
    saved = saved_weights(checkpoint, weights(model))  # before memory is taken for the model
    load_weights(saved, with_empty_weights(model, device))
    model.eval()
    return TrainedRun(model, tokenizer, description, checkpoint)


def find_run(path: Path, hint: str = HINT) -> tuple[Path, Path]:
    """Return the run's folder and the checkpoint to use.

    Raises InputError, with the hint where the path is neither.
    """
    if (path / MODEL_JSON).is_file():
        if not newest_first(path):
            raise InputError(f"{path}: no checkpoint yet", "wait for the first --save-every")
        return path, choose_checkpoint(path, warn)
    run = run_of(path)
    known = [*newest_first(run), run / CHECKPOINTS / AVERAGE]
    named = path.is_dir() and path.resolve() in [checkpoint.resolve() for checkpoint in known]
    if named and (run / MODEL_JSON).is_file():
        if problem := find_corruption(path):
            raise InputError(f"{path}: {problem}", "give another checkpoint, or the run")
        return run, path
    if not path.exists():
        raise InputError(f"{path}: no such folder")
    raise InputError(f"{path}: not a run, and not a checkpoint of one", hint)


def run_of(checkpoint: Path) -> Path:
    """Return the folder of the run that a checkpoint belongs to."""
    return checkpoint.resolve().parent.parent


def fingerprint_of(checkpoint: Path) -> str:
    """Return a fingerprint of all that determines the output of a checkpoint's model."""
    listed = read_object(checkpoint / MANIFEST)["outputs"]
    weights = [(each["name"], each["sha256"]) for each in listed if each["name"] == MODEL]
    return fingerprint([*weights, (MODEL_JSON, sha256(run_of(checkpoint) / MODEL_JSON))])


def read_description(run: Path) -> Description:
    """Read model.json."""
    try:
        values = read_object(run / MODEL_JSON)
        description = Description.model_validate(with_present_names(values))
        assert description.config and description.learned  # they must be readable, too
    except (OSError, ValueError, AssertionError, AttributeError):
        raise InputError(f"{run / MODEL_JSON}: corrupt", "restore it, or train again") from None
    return description


def write_description(description: Description, run: Path, scratch: Path) -> None:
    """Write model.json, unless it is already the same."""
    path = run / MODEL_JSON
    with suppress(OSError, ValueError):  # damaged: it is written again
        if read_object(path) == description.model_dump(mode="json"):
            return
    description.write(path, scratch)
