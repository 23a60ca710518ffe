"""The initial weights of a run from another model.

Choices:
- From a Transformers folder or from a run of lmkit (its best checkpoint, else its latest, or the
  one that is named). It determines the shape; what only concerns training (dropout, the z-loss)
  may differ, and so may the scaling of rotary positions, which extends the context.
- Rows of the embedding are matched by the text of their token, so an extended tokenizer keeps what
  is known of each; new tokens start at the mean of the old ones (Hewitt 2021, "Initializing new
  word embeddings for pretrained language models"). A tokenizer without some tokens of the old one
  is another one, and refused: what the model knows of those tokens would be lost.
- N-grams are hashed ids: where tokens have other ids, a model with n-grams is refused.
- Rows of an embedding beyond the number of tokens are dropped.
- What is wrong with the folder or the tokenizer is found at once; the weights are read when a model
  takes them, one after the other, so that no process holds them all.
- Optimizer, step and data start from scratch.

Shapes: V vocabulary, D hidden size.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lmkit.artifacts.inputs import Inputs, folder_input
from lmkit.artifacts.manifest import fingerprint
from lmkit.errors import InputError, RequestError
from lmkit.execution.progress import log_message, warn
from lmkit.huggingface.checkpoint import CONFIG, HfCheckpoint, is_hf_folder
from lmkit.huggingface.folder_tokenizer import tokenizer_file
from lmkit.huggingface.load import weights_of
from lmkit.model.options import ModelConfig, as_typed
from lmkit.model.positions.registry import SCALING_OPTIONS
from lmkit.storage.atomic_files import sha256
from lmkit.tokenizers.tokenizer import TOKENIZER as TOKENIZER_JSON
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.layout import MODEL
from lmkit.training.checkpoints.saved_weights import weights
from lmkit.training.checkpoints.tensor_file import TensorFile
from lmkit.training.checkpoints.trained_model import (
    TOKENIZER,
    find_run,
    fingerprint_of,
    read_description,
    run_of,
)
from lmkit.training.distributed.sharded_weights import local_part

VOCABULARY_WEIGHTS = ("embedding.weight", "output.weight", "output_bias")
"""Weights with a row, or a number, for each token."""

MAY_DIFFER = frozenset({"preset", "dropout", "z_loss", *SCALING_OPTIONS})
"""Options of a model that may differ from those of the other model."""

TOKENIZATION_PARTS = ("normalizer", "pre_tokenizer")
"""Parts of a tokenizer that decide how it splits a text."""

HINT = "give a folder made by lmkit pretrain or lmkit export, or a Transformers folder"


@dataclass(frozen=True)
class InitialWeights:
    """A trained model on disk."""

    path: Path
    config: ModelConfig
    tokenizer_folder: Path
    hf_checkpoint: HfCheckpoint | None = None
    checkpoint: Path | None = None

    @classmethod
    def at(cls, path: Path) -> "InitialWeights":
        """Resolve the path that was typed; InputError where it isn't a model."""
        if not path.is_dir():
            tensors = "is a file, must be a folder" if path.exists() else "no such folder"
            raise InputError(f"--init-from: {path}: {tensors}", HINT)
        try:
            if is_hf_folder(path):
                hf_checkpoint = HfCheckpoint.at(path)
                tokenizer_file(path)  # raises where there is none
                return cls(path, hf_checkpoint.config, path, hf_checkpoint=hf_checkpoint)
            run, checkpoint = find_run(path)
            config = read_description(run).config
            return cls(path, config, run / TOKENIZER, checkpoint=checkpoint)
        except RequestError as error:
            raise InputError(f"--init-from: {error.message}", error.hint or HINT) from None

    @property
    def inputs(self) -> Inputs:
        """The inputs of the run, for its manifest."""
        return folder_input(self.path, "weights", self._fingerprint)

    @cached_property
    def _fingerprint(self) -> str:
        if self.checkpoint:
            return fingerprint_of(self.checkpoint)
        assert self.hf_checkpoint
        files = [self.path / CONFIG, self.path / TOKENIZER_JSON, *self.hf_checkpoint.files]
        return fingerprint((file.name, sha256(file)) for file in files)

    @property
    def trained_positions(self) -> int:
        """How many learned positions it has trained; 0 where its positions aren't learned."""
        trained = None
        if self.checkpoint:
            trained = read_description(run_of(self.checkpoint)).trained_positions
        return trained or self.config.longest or 0

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the model's options: those of the folder, overridden by the typed ones."""
        return self.config.model_dump(exclude={"preset"}) | dict(given)

    def differences(self, config: ModelConfig) -> list[str]:
        """Return the options that differ from those of the folder, as they are typed."""
        return [
            f"--model.{name.replace('_', '-')}: got {as_typed(actual)}, but {self.path} has "
            f"{as_typed(expected)}"
            for name in type(config).model_fields
            if name not in MAY_DIFFER
            and (actual := getattr(config, name)) != (expected := getattr(self.config, name))
        ]

    def load(self, tokenizer: Tokenizer) -> "InitialTensors":
        """Return the weights for the tokens of a tokenizer, which are read when they are taken.

        Raises InputError where the folder is corrupt, or the tokenizer another one.
        """
        old = Tokenizer.load(self.tokenizer_folder)
        old_rows_V = torch.tensor(_old_rows(old, tokenizer, self.path))
        rows = self._embedding_rows()
        known_V = (old_rows_V >= 0) & (old_rows_V < rows)
        if new_tokens := len(old_rows_V) - int(known_V.sum()):
            log_message(
                f"{self.path}: {new_tokens:,} tokens are new to it; they start at the mean of the "
                "others"
            )
        is_same = len(old_rows_V) == rows and old_rows_V.equal(torch.arange(rows))
        if self.config.ngram_length and not old_rows_V[:rows].equal(torch.arange(rows)):
            raise InputError(
                f"--init-from: {self.path}: its tokens have other ids in the packed folder, and it "
                "finds its n-grams by those ids",
                "pack with its tokenizer, or with one that adds tokens after those that it has",
            )
        return InitialTensors(self, None if is_same else (old_rows_V, known_V))

    def _embedding_rows(self) -> int:
        """Return the rows of the embedding, after a look at all that can be known to be wrong."""
        if self.hf_checkpoint:
            next(self.weights(), None)
            return self.hf_checkpoint.vocabulary_size
        assert self.checkpoint
        shapes = TensorFile.at(self.checkpoint / MODEL).shapes
        if VOCABULARY_WEIGHTS[0] not in shapes:
            raise InputError(
                f"--init-from: {self.path}: has no {VOCABULARY_WEIGHTS[0]}",
                "restore a good copy of the folder",
            )
        return shapes[VOCABULARY_WEIGHTS[0]][0]

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the weights by lmkit's names, in fp32, each as soon as it is read."""
        if self.hf_checkpoint:
            yield from weights_of(self.hf_checkpoint)
            return
        assert self.checkpoint
        saved = TensorFile.at(self.checkpoint / MODEL)
        for name in saved.shapes:
            with saved.opened(name) as tensor:
                yield name, tensor


@dataclass(frozen=True)
class InitialTensors:
    """The weights of a trained model, by lmkit's names, in fp32, for the tokens of a tokenizer."""

    weights: InitialWeights
    changed_V: tuple[Tensor, Tensor] | None
    """For each token the row that it had, and whether it had any; None: there is no change."""

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Read one after the other; a tensor must be copied before the next is taken."""
        for name, tensor in self.weights.weights():
            if self.changed_V is not None and name in VOCABULARY_WEIGHTS:
                yield name, _rearranged(tensor, *self.changed_V)
            else:
                yield name, tensor


def copy_weights(model: nn.Module, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Copy initial weights into a model, of sharded ones this process's part.

    Parameters without one keep their random values. Raises InputError for another model's.
    """
    model_weights = weights(model)
    for name, tensor in tensors:
        if name not in model_weights or model_weights[name].shape != tensor.shape:
            raise InputError(
                f"--init-from: its weights are not those of its model, such as {name}",
                "restore a good copy of the folder",
            )
        part = local_part(model_weights[name])
        if tensor.ndim:
            length = part.tensor.shape[part.axis]
            tensor = tensor.narrow(part.axis, part.start, length)
        part.tensor.copy_(tensor)


def _old_rows(old: Tokenizer, new: Tokenizer, path: Path) -> list[int]:
    """Return for each token its row in the old embedding, or -1 where it has none."""
    before, now = old.vocabulary, new.vocabulary
    if missing := [text for text in before if text not in now]:
        raise InputError(
            f"--init-from: {path}: {len(missing):,} of its {len(before):,} tokens, such as "
            f"{min(missing)!r}, are not in the tokenizer of the packed folder: it is another one",
            f"import its tokenizer: lmkit train-tokenizer --from {path} --output TOKENIZER, and "
            "pack with that",
        )
    if differing := [part for part in TOKENIZATION_PARTS if _part(old, part) != _part(new, part)]:
        warn(
            f"--init-from: {path}: its tokenizer has the same tokens, and another "
            f"{' and '.join(differing)}: it splits some texts into other tokens"
        )
    rows = [-1] * new.size
    for text, row in now.items():
        rows[row] = before.get(text, -1)
    return rows


def _part(tokenizer: Tokenizer, part: str) -> Any:
    return tokenizer.stored.get(part)


def _rearranged(tensor: Tensor, old_rows_V: Tensor, known_V: Tensor) -> Tensor:
    """Move each row to the new id of its token; a new token gets the mean of all rows."""
    known_rows = tensor[old_rows_V[known_V]]
    tensors = (
        known_rows.double()
        .mean(0)
        .to(tensor.dtype)
        .expand(len(old_rows_V), *tensor.shape[1:])
        .clone()
    )
    tensors[known_V] = known_rows
    return tensors
