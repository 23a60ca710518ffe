"""Scores of a model on documents and on held-out sequences."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.manifest import Manifest
from lmkit.artifacts.tasks import ReadRange
from lmkit.commands.eval.options import EvalConfig
from lmkit.counter_rng import row_keys
from lmkit.evaluation.perplexity import SEED, Score, score_rows
from lmkit.execution.progress import warn
from lmkit.objectives.registry import Objective, Packing, objective_of, scored
from lmkit.packing.chunking import each_alone
from lmkit.packing.token_rows import TokenRows
from lmkit.readers.dispatch import read_slice
from lmkit.text.digests import document_key
from lmkit.text.surrogates import well_formed
from lmkit.training.checkpoints.trained_model import TrainedModel

GROUP_CHARACTERS = 4_000_000
MICRO_BATCH_TOKENS = 16_384


@dataclass(frozen=True)
class Scores:
    """What a model got."""

    loss: float
    perplexity: float
    bits_per_byte: float
    tokens: int
    bytes: int
    checkpoint: str

    @classmethod
    def of(cls, score: "Score", checkpoint: Path) -> "Scores":
        """Take over what was summed up."""
        return cls(
            score.loss,
            score.perplexity,
            score.bits_per_byte,
            score.tokens,
            score.bytes,
            checkpoint.name,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what scores.json holds."""
        numbers = {
            "loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
        }
        return {
            # A model that has come apart scores NaN, for which JSON has no number.
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "tokens": self.tokens,
            "bytes": self.bytes,
            "tasks": {},
            "checkpoint": self.checkpoint,
        }


@dataclass
class Reading:
    """What was read of documents."""

    notes: list[ReadRange] = field(default_factory=list[ReadRange])
    documents: int = 0
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])


def _score_packed(config: EvalConfig, packed: Manifest, trained: "TrainedModel") -> "Score":
    """Score the held-out rows of a packed folder."""
    details = packed.details
    length = details["sequence_length"]
    rows = TokenRows.open(config.data / "validation", length, details["pad"])
    device = trained.model.embedding.weight.device
    micro_batch = config.micro_batch or max(1, MICRO_BATCH_TOKENS // length)
    context = partial(autocast, config, trained)
    return score_rows(
        trained.model, rows, None, micro_batch, device, context, objective(trained, length)
    )


def _score_documents(
    config: EvalConfig, documents: Inputs, trained: "TrainedModel", reading: Reading
) -> "Score":
    """Score documents, each from its own beginning."""
    length = trained.description.sequence_length
    pad = trained.tokenizer.pad
    assert pad is not None, "it was packed with this tokenizer"
    device = trained.model.embedding.weight.device
    micro_batch = config.micro_batch or max(1, MICRO_BATCH_TOKENS // length)
    context, asked = partial(autocast, config, trained), objective(trained, length)
    total = Score(0.0, 0, 0)
    for group in _groups(config, documents, reading):
        texts = [document.text for document in group]
        sizes = [len(well_formed(text).encode()) for text in texts]
        ids = [_framed(trained, ids) for ids in trained.tokenizer.encode_batch(texts)]
        rows = TokenRows.from_documents(
            list(zip(ids, sizes, strict=True)), length, pad, lay_out=each_alone
        )
        # Rows of about the same length share a batch, so little time goes into padding.
        order = np.argsort(rows.lengths(), kind="stable")
        numbers = np.repeat(np.arange(len(ids)), [-(-len(each) // length) for each in ids])
        keys_R = _row_keys(group, numbers)
        total += score_rows(trained.model, rows, order, micro_batch, device, context, asked, keys_R)
    return total


def objective(trained: "TrainedModel", sequence_length: int) -> "Objective":
    """Return what makes batches of rows of this length, asked as the model was in training."""
    description = trained.description
    packing = Packing(sequence_length, description.begin, description.end)
    return objective_of(scored(description.learned), trained.tokenizer, packing)


def _row_keys(group: list[Document], numbers_R: Any) -> Any:
    """Return what is random in each row: its document's id decides, and which row of it it is."""
    keys = np.array([document_key(SEED, document.id) for document in group], np.uint64)
    within_R = np.arange(len(numbers_R)) - np.searchsorted(numbers_R, numbers_R)
    return row_keys(SEED, 0, keys[numbers_R].astype(np.int64)) ^ row_keys(SEED, 1, within_R)


def _groups(config: EvalConfig, documents: Inputs, reading: Reading) -> Iterator[list[Document]]:
    """Read documents in groups that fit into memory."""
    group: list[Document] = []
    room = GROUP_CHARACTERS
    for part in documents.slices:
        for document in read_slice(part, reading.notes, max_record=config.max_record):
            if isinstance(document, Unreadable):
                reading.unreadable.append(document)
                continue
            reading.documents += 1
            group.append(document)
            room -= len(document.text)
            if room <= 0:
                yield group
                group, room = [], GROUP_CHARACTERS
    if reading.unreadable:
        count = len(reading.unreadable)
        warn(f"{config.data}: {count:,} records could not be read and are not in the scores")
    if group:
        yield group


def _framed(trained: "TrainedModel", ids: Any) -> Any:
    begin, end = trained.description.begin, trained.description.end
    ends = ([] if token is None else [token] for token in (begin, end))
    first, last = (np.array(part, np.uint32) for part in ends)
    return np.concatenate([first, ids, last])


def autocast(config: EvalConfig, trained: "TrainedModel") -> Any:
    """Return the context in which a model computes."""
    import torch

    device = trained.model.embedding.weight.device.type
    return torch.autocast(device, torch.bfloat16, enabled=config.precision == "bf16")
