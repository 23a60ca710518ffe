"""What a run begins from, where it isn't chance: the weights of another model.

Choices:
- From a folder of Transformers or from a run of our own (its best checkpoint, else its latest, or
  the one that is named). The shape comes from there; what only concerns training (dropout, the
  z-loss) may be another.
- Rows of the embedding go by the text of their token, so a tokenizer that has grown keeps what is
  known of each; new tokens begin at the mean of the old ones (Hewitt 2021, "Initializing new word
  embeddings for pretrained language models"). A tokenizer that lacks tokens of the old one is
  another one, and refused: what the model knows of its words would be lost.
- An embedding with more rows than there are tokens loses those that stand for nothing.
- Optimizer, step and data begin anew.

Shapes: V vocabulary, D features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lmkit.artifacts.inputs import Inputs, other_folder
from lmkit.artifacts.manifest import fingerprint
from lmkit.errors import InputError, RequestError
from lmkit.execution.progress import say, warn
from lmkit.huggingface.load import CONFIG, HfCheckpoint, is_hf_folder
from lmkit.model.options import ModelConfig, as_typed
from lmkit.storage.atomic_files import sha256
from lmkit.tokenizers.tokenizer import TOKENIZER as TOKENIZER_JSON
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.layout import MODEL
from lmkit.training.checkpoints.save_load import weights
from lmkit.training.checkpoints.trained_model import (
    TOKENIZER,
    find_run,
    fingerprint_of,
    read_description,
)

VOCABULARY_WEIGHTS = ("embedding.weight", "output.weight", "output_bias")
"""Weights with a row, or a number, for each token."""

TRAINING_ONLY = frozenset({"preset", "dropout", "z_loss"})
"""Options of a model that may be others than in what it begins from."""

TOKENIZATION_PARTS = ("normalizer", "pre_tokenizer")
"""Parts of a tokenizer that decide what it takes for a word."""

HINT = "name a folder that lmkit pretrain or lmkit export made, or one of Transformers"


@dataclass(frozen=True)
class InitialWeights:
    """A trained model on the disk."""

    path: Path
    config: ModelConfig
    tokenizer_folder: Path
    hf_checkpoint: HfCheckpoint | None = None
    checkpoint: Path | None = None

    @classmethod
    def at(cls, path: Path) -> "InitialWeights":
        """Find out what a person named; InputError where nothing can begin from it."""
        if not path.is_dir():
            tensors = "is a file, must be a folder" if path.exists() else "no such folder"
            raise InputError(f"--init-from: {path}: {tensors}", HINT)
        try:
            if is_hf_folder(path):
                hf_checkpoint = HfCheckpoint.at(path)
                if not (path / TOKENIZER_JSON).is_file():
                    raise InputError(
                        f"{path}: holds no {TOKENIZER_JSON}, so its rows stand for nothing known",
                        "AutoTokenizer.from_pretrained(OLD).save_pretrained(NEW) makes one",
                    )
                return cls(path, hf_checkpoint.config, path, hf_checkpoint=hf_checkpoint)
            run, checkpoint = find_run(path)
            config = read_description(run).config
            return cls(path, config, run / TOKENIZER, checkpoint=checkpoint)
        except RequestError as error:
            raise InputError(f"--init-from: {error.message}", error.hint or HINT) from None

    @property
    def inputs(self) -> Inputs:
        """What the run is made from, for its manifest."""
        return other_folder(self.path, "weights", self._fingerprint)

    @cached_property
    def _fingerprint(self) -> str:
        if self.checkpoint:
            return fingerprint_of(self.checkpoint)
        assert self.hf_checkpoint
        files = [self.path / CONFIG, self.path / TOKENIZER_JSON, *self.hf_checkpoint.files]
        return fingerprint((file.name, sha256(file)) for file in files)

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the model's options: those of the folder, and over them what was typed."""
        return self.config.model_dump(exclude={"preset"}) | dict(given)

    def differences(self, config: ModelConfig) -> list[str]:
        """Name the options that aren't those of the folder, as a person types them."""
        return [
            f"--model.{name.replace('_', '-')}: got {as_typed(actual)}, but {self.path} has "
            f"{as_typed(expected)}"
            for name in type(config).model_fields
            if name not in TRAINING_ONLY
            and (actual := getattr(config, name)) != (expected := getattr(self.config, name))
        ]

    def load(self, tokenizer: Tokenizer) -> dict[str, Tensor]:
        """Return the weights, by our names, for the words of a tokenizer; in fp32.

        Raises InputError where the folder is damaged, or the tokenizer another one.
        """
        old = Tokenizer.load(self.tokenizer_folder)
        old_rows_V = torch.tensor(_old_rows(old, tokenizer, self.path))
        tensors = self.hf_checkpoint.weights() if self.hf_checkpoint else self._checkpoint_weights()
        rows = tensors[VOCABULARY_WEIGHTS[0]].shape[0]
        known_V = (old_rows_V >= 0) & (old_rows_V < rows)
        if new_tokens := len(old_rows_V) - int(known_V.sum()):
            say(
                f"{self.path}: {new_tokens:,} tokens are new to it; they begin at the mean of the others"
            )
        for name in VOCABULARY_WEIGHTS:
            if name in tensors and not (
                len(old_rows_V) == rows and old_rows_V.equal(torch.arange(rows))
            ):
                tensors[name] = _rearranged(tensors[name], old_rows_V, known_V)
        return tensors

    def _checkpoint_weights(self) -> dict[str, Tensor]:
        assert self.checkpoint
        return load_file(self.checkpoint / MODEL)


def copy_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model its first weights; what they don't name stays as it was drawn."""
    model_weights = weights(model)
    unknown = [
        name
        for name in tensors
        if name not in model_weights or model_weights[name].shape != tensors[name].shape
    ]
    assert not unknown, unknown
    with torch.no_grad():
        for name, tensor in tensors.items():
            model_weights[name].copy_(tensor)


def _old_rows(old: Tokenizer, new: Tokenizer, path: Path) -> list[int]:
    """Return for each token its row in the old embedding, or -1 where it has none."""
    before, now = old.vocabulary, new.vocabulary
    if missing := [text for text in before if text not in now]:
        raise InputError(
            f"--init-from: {path}: {len(missing):,} of its {len(before):,} tokens, such as "
            f"{min(missing)!r}, are not in the tokenizer of the packed folder: it is another one",
            f"take its tokenizer over: lmkit train-tokenizer --from {path} --output TOKENIZER, and "
            "pack with that",
        )
    if differing := [part for part in TOKENIZATION_PARTS if _part(old, part) != _part(new, part)]:
        warn(
            f"--init-from: {path}: its tokenizer has the same tokens, and another "
            f"{' and '.join(differing)}: it cuts some texts in other pieces"
        )
    rows = [-1] * new.size
    for text, row in now.items():
        rows[row] = before.get(text, -1)
    return rows


def _part(tokenizer: Tokenizer, part: str) -> Any:
    return tokenizer.stored.get(part)


def _rearranged(tensor: Tensor, old_rows_V: Tensor, known_V: Tensor) -> Tensor:
    """Put rows where their tokens are now, and the mean of all where a token is new."""
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
