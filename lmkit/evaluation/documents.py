"""Scores of a model on documents and on held-out sequences."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.tasks import ReadRange
from lmkit.counter_rng import row_keys
from lmkit.evaluation.perplexity import SEED, score_rows
from lmkit.evaluation.processes import ALONE, Processes
from lmkit.evaluation.text_score import Score
from lmkit.model.transformer import Transformer
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.objective import Objective, Packing
from lmkit.packing.chunking import one_document_per_sequence
from lmkit.packing.packed_folder import PackedFolder
from lmkit.packing.token_rows import TokenSequences
from lmkit.readers.dispatch import read_slice
from lmkit.text.digests import document_key
from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.tokenizer import Tokenizer

GROUP_CHARACTERS = 4_000_000
MICRO_BATCH_TOKENS = 16_384
MOST_SOURCES = 1_000
OTHER_SOURCES = "(others)"
"""The documents of all sources beyond those."""


@dataclass
class Reading:
    """Counts and byte ranges of the documents that were read."""

    read_ranges: list[ReadRange] = field(default_factory=list[ReadRange])
    documents: int = 0
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])


@dataclass(frozen=True)
class Scorer:
    """A trained model, its objective, and how it is computed."""

    model: Transformer
    tokenizer: Tokenizer
    objective: Objective[Any]
    packing: Packing
    """How its training documents were packed."""
    precision: Literal["fp32", "bf16"] = "fp32"
    micro_batch: int | None = None
    """Sequences to compute at a time; None: about 16,384 tokens. It changes no result."""

    processes: Processes = ALONE
    """Those that share the sequences. Each reads and encodes all documents."""
    on_bytes: Callable[[float], None] = lambda _: None
    """Called with about the bytes of text that all processes have scored in the meantime."""

    def packed(self, folder: PackedFolder) -> Score:
        """Score the held-out sequences of a packed folder."""
        return self._score(
            folder.sequences("validation"), folder.record.sequence_length, order=None
        )

    def documents(self, documents: Inputs, reading: "Reading", max_record: int) -> dict[str, Score]:
        """Score documents, each from its beginning; return the scores by source."""
        scores: dict[str, Score] = {}
        for group in _groups(documents, reading, max_record):
            by_source: dict[str, list[Document]] = {}
            for document in group:
                is_shown = document.source in scores or len(scores) < MOST_SOURCES
                source = document.source if is_shown else OTHER_SOURCES
                scores.setdefault(source, Score(0.0, 0, 0))
                by_source.setdefault(source, []).append(document)
            for source, some in by_source.items():
                scores[source] += self._texts(some)
        return scores

    def rows_of(self, documents: list[Document]) -> tuple[TokenSequences, Any, Any]:
        """Return the sequences of documents, and of each its document's index and its key."""
        length, pad = self.packing.sequence_length, self.tokenizer.pad
        assert pad is not None, "it was packed with this tokenizer"
        texts = [document.text for document in documents]
        sizes = [len(well_formed(text).encode()) for text in texts]
        ids = [_with_bos_eos(self.packing, ids) for ids in self.tokenizer.encode_batch(texts)]
        rows = TokenSequences.from_documents(
            list(zip(ids, sizes, strict=True)),
            length,
            pad,
            pack_into_sequences=one_document_per_sequence,
        )
        numbers_R = np.repeat(np.arange(len(ids)), [-(-len(each) // length) for each in ids])
        return rows, numbers_R, _row_keys(documents, numbers_R)

    def _texts(self, documents: list[Document]) -> Score:
        rows, _, keys_R = self.rows_of(documents)
        # Sequences of about the same length are batched together, which saves padding.
        order = np.argsort(rows.lengths(), kind="stable")
        return self._score(rows, self.packing.sequence_length, order, keys_R)

    def make_batch(self, length: int) -> MakeBatch:
        """Return what makes batches of sequences of a length."""
        packing = replace(self.packing, sequence_length=length)
        return self.objective.scored.make(self.tokenizer, packing)

    def _score(self, rows: TokenSequences, length: int, order: Any, keys_R: Any = None) -> Score:
        device = self.model.embedding.weight.device
        micro_batch = self.micro_batch or max(1, MICRO_BATCH_TOKENS // length)
        make_batch = self.make_batch(length)
        bytes_each = rows.bytes_of_text / max(1, len(rows)) * self.processes.size
        return score_rows(
            self.model,
            rows,
            order,
            micro_batch,
            device,
            self.autocast,
            make_batch,
            keys_R,
            self.processes,
            lambda sequences: self.on_bytes(sequences * bytes_each),
        )

    def autocast(self) -> Any:
        """Return the autocast context of the precision."""
        device = self.model.embedding.weight.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.precision == "bf16")


def _row_keys(group: list[Document], numbers_R: Any) -> Any:
    """Return each sequence's key, which depends on its document's id and its number in that."""
    keys = np.array([document_key(SEED, document.id) for document in group], np.uint64)
    within_R = np.arange(len(numbers_R)) - np.searchsorted(numbers_R, numbers_R)
    return row_keys(SEED, 0, keys[numbers_R].astype(np.int64)) ^ row_keys(SEED, 1, within_R)


def _groups(documents: Inputs, reading: Reading, max_record: int) -> Iterator[list[Document]]:
    """Read documents in groups that fit into memory."""
    group: list[Document] = []
    remaining_characters = GROUP_CHARACTERS
    for part in documents.slices:
        for document in read_slice(part, reading.read_ranges, max_record=max_record):
            if isinstance(document, Unreadable):
                reading.unreadable.append(document)
                continue
            reading.documents += 1
            group.append(document)
            remaining_characters -= len(document.text)
            if remaining_characters <= 0:
                yield group
                group, remaining_characters = [], GROUP_CHARACTERS
    if group:
        yield group


def _with_bos_eos(packing: Packing, ids: Any) -> Any:
    ends = ([] if token is None else [token] for token in (packing.bos, packing.eos))
    first, last = (np.array(part, np.uint32) for part in ends)
    return np.concatenate([first, ids, last])
