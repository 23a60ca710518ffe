"""From documents to the token shards of one task.

Choices:
- A stored document is `BOS text EOS`. Its text is encoded with special tokens disabled, so no text
  can end a document or imitate a document boundary; boundaries are stored, never searched for.
- Documents that are given as tokens get the same BOS and EOS. Their text is what the tokens decode
  to.
- Statistics of the tokens are counted at the same time (`sanity_limits.py`), and compared with the
  limits when all tasks are done.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document, OutcomeFiles, Unreadable
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import LmkitError
from lmkit.execution.prefetch import prefetched
from lmkit.packing.encoder_steps import check_encoded
from lmkit.packing.holdout import HoldoutGroup, cluster_of, holdout_group, is_held_out
from lmkit.packing.nanogpt_bin import TokenizedDocument
from lmkit.packing.options import LimitsConfig
from lmkit.packing.round_trip import RoundTrip
from lmkit.packing.sanity_limits import MIN_ENTROPY_BYTES, Statistics, StatisticsBySource, entropy
from lmkit.packing.token_shards import ShardWriter, documents_name, tokens_name
from lmkit.text.digests import document_key, text_key
from lmkit.text.surrogates import well_formed
from lmkit.tokenizers import long_texts
from lmkit.tokenizers.encoder_choice import EncoderRecord
from lmkit.tokenizers.library_failures import TextFailedError
from lmkit.tokenizers.tokenizer import Tokenizer

Split = Literal["train", "validation"]
SPLITS: tuple[Split, Split] = ("train", "validation")
BATCH_CHARACTERS = 1_000_000
LONG_CHARACTERS = 4 * BATCH_CHARACTERS
"""Texts of more characters are encoded in parts, and not decoded again."""

CHECKED_CHARACTERS = 20_000
"""Characters of a document to check before work starts."""


@dataclass(frozen=True)
class TokenizeOptions:
    """How documents are tokenized, and which of them are held out."""

    tokenizer: Path
    fingerprint: str
    """Of the tokenizer."""
    seed: int
    bos: bool
    eos: bool
    fraction: float
    """Fraction to hold out."""
    smallest: HoldoutGroup | None
    """The group to hold out for any fraction: it has the smallest hash of all."""
    limits: LimitsConfig
    encoder: EncoderRecord | None = None
    """What encodes; None leaves it to the tokenizer."""

    @property
    def splits(self) -> Sequence[Split]:
        """The splits that a task may have documents for; it writes no shard for the other."""
        if self.fraction == 1:
            return SPLITS[1:]
        return SPLITS if self.fraction or self.smallest else SPLITS[:1]

    @property
    def decoded_fraction(self) -> float:
        """Fraction of the documents to decode again."""
        return self.limits.decode_sample or 0.0


@dataclass(frozen=True)
class EncodedDocument:
    """A document with its tokens, without BOS and EOS."""

    document: Document | TokenizedDocument
    ids: NDArray[Any]
    text: str

    @cached_property
    def bytes_of_text(self) -> int:
        """The number of UTF-8 bytes of the text."""
        return len(self.text) if self.text.isascii() else len(well_formed(self.text).encode())


def write_token_shards(
    documents: Iterable[Document | TokenizedDocument | Unreadable],
    options: TokenizeOptions,
    writer: TaskWriter,
) -> None:
    """Write the token shards of some documents, and their statistics."""
    tokenizer = loaded(options.tokenizer, options.fingerprint)
    if options.encoder:
        tokenizer.encoder.use(options.encoder)
    round_trip = RoundTrip(options.tokenizer, tokenizer)
    bos, eos = framing(tokenizer, options)
    min_group: HoldoutGroup | None = None
    empty = unknown = 0
    by_source = StatisticsBySource()
    with OutcomeFiles(writer) as files, ExitStack() as stack:
        shards = {split: _open(stack, writer, split, tokenizer.size) for split in options.splits}
        ready = (
            [*encode_batch(batch, tokenizer)] for batch in batches(_readable(documents, files))
        )
        for batch in prefetched(ready):
            for stored in batch:
                document = stored.document
                if not stored.text:
                    empty += 1
                    continue
                key, text = document_key(options.seed, document.id), text_key(stored.text)
                if isinstance(document, Document) and document.size <= LONG_CHARACTERS:
                    check_encoded(tokenizer, document.id, key, stored.text, stored.ids)
                cluster = cluster_of(document.metadata) if document.metadata else None
                group = (key, text)
                if cluster is not None:
                    group = holdout_group(options.seed, document.id, text, cluster)
                min_group = min(min_group or group, group)
                held_out = is_held_out(group[0], options.fraction) or group == options.smallest
                statistics = by_source.of(document.source)
                decode = is_held_out(key, options.decoded_fraction)
                unknown += count(statistics, stored, round_trip, decode=decode)
                statistics.counts["tokens"] += len(bos) + len(eos)
                shards["validation" if held_out else "train"].append(
                    bos,
                    stored.ids,
                    eos,
                    bytes_of_text=stored.bytes_of_text,
                    key=key,
                    text=text,
                )
    packed = sum(shard.documents for shard in shards.values())
    writer.counts = Counts(
        documents_in=packed + empty + files.quarantined,
        documents_out=packed,
        dropped={"empty": empty} if empty else {},
        quarantined=files.quarantined,
        more={
            "tokens": sum(shard.tokens for shard in shards.values()),
            "unknown_tokens": unknown,
        },
    )
    sizes = {split: shard.documents for split, shard in shards.items()}
    writer.facts = {
        "documents": sizes,
        "least": min_group,
        "sources": by_source.to_json(),
        "encoder": tokenizer.encoder.record.model_dump(),
    }


def sample_statistics(
    documents: Iterable[Document | TokenizedDocument], options: TokenizeOptions
) -> StatisticsBySource:
    """Return statistics of some documents (of long ones, of the start); all are decoded."""
    tokenizer = loaded(options.tokenizer, options.fingerprint)
    round_trip = RoundTrip(options.tokenizer, tokenizer)
    by_source = StatisticsBySource()
    # A list of their first characters: the full texts of many documents would need much memory.
    short = [document.truncated(CHECKED_CHARACTERS) for document in documents]
    for stored in encode_batch(short, tokenizer):
        if stored.text:
            decode = options.limits.decode_sample is not None
            count(by_source.of(stored.document.source), stored, round_trip, decode=decode)
    return by_source


def framing(
    tokenizer: Tokenizer, options: TokenizeOptions
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the tokens to add before and after every document."""
    return (
        np.array([tokenizer.bos] if options.bos else [], np.uint32),
        np.array([tokenizer.eos] if options.eos else [], np.uint32),
    )


def count(
    statistics: Statistics, stored: EncodedDocument, round_trip: RoundTrip, *, decode: bool
) -> int:
    """Add a document to the statistics of its source; return its number of unknown tokens."""
    name, ids, size = stored.document.id, stored.ids, stored.bytes_of_text
    unknown = 0
    if round_trip.unknown is not None:
        unknown = int(np.count_nonzero(ids == round_trip.unknown))
        if unknown:
            statistics.record_worst("unknown", -round(unknown / len(ids), 3), name)
    counts, tokens = statistics.counts, len(ids)
    counts["documents"] += 1
    counts["tokens"] += tokens
    counts["bytes"] += size
    counts["text_tokens"] += tokens
    counts["unknown"] += unknown
    if size >= MIN_ENTROPY_BYTES and len(ids) and 2 * unknown <= len(ids):
        statistics.entropy(entropy(ids), len(ids), size, name)
    if decode and isinstance(stored.document, Document) and len(stored.text) <= LONG_CHARACTERS:
        matches = round_trip.holds(stored.text, ids)
        statistics.counts.update(decoded=1, undecoded=not matches)
        if not matches:
            statistics.record_worst("undecoded", 0, name)
    return unknown


def batches(
    documents: Iterable[Document | TokenizedDocument],
) -> Iterator[list[Document | TokenizedDocument]]:
    """Group documents into batches that the tokenizer can divide between its threads."""
    batch: list[Document | TokenizedDocument] = []
    room = BATCH_CHARACTERS
    for document in documents:
        batch.append(document)
        room -= document.size
        if room <= 0:
            yield batch
            batch, room = [], BATCH_CHARACTERS
    yield batch


def encode_batch(
    batch: Sequence[Document | TokenizedDocument], tokenizer: Tokenizer
) -> Iterator[EncodedDocument]:
    """Yield the documents of a batch with both their tokens and their texts."""
    short = [d for d in batch if isinstance(d, Document) and d.size <= LONG_CHARACTERS]
    try:
        ids_of_short = iter(tokenizer.encode_batch([document.text for document in short]))
    except TextFailedError as error:
        raise error.in_document(short[error.index].id) from None
    for document in batch:
        if isinstance(document, TokenizedDocument):
            yield EncodedDocument(
                document, document.checked(tokenizer.size), tokenizer.decode(document.ids)
            )
        elif document.size <= LONG_CHARACTERS:
            yield EncodedDocument(document, next(ids_of_short), document.text)
        else:
            try:
                ids = long_texts.encode(tokenizer, document.text)
            except TextFailedError as error:
                raise error.in_document(document.id) from None
            yield EncodedDocument(document, ids, document.text)


@lru_cache(maxsize=1)  # a process has many tasks, and a big vocabulary takes a second to read
def loaded(folder: Path, fingerprint: str) -> Tokenizer:
    """Return the tokenizer of a folder, which must be the one that the work was planned with."""
    tokenizer = Tokenizer.load(folder)
    if tokenizer.fingerprint != fingerprint:
        raise LmkitError(f"{folder}: it has changed since the work was planned", "run again")
    return tokenizer


def _readable(
    documents: Iterable[Document | TokenizedDocument | Unreadable], files: OutcomeFiles
) -> Iterator[Document | TokenizedDocument]:
    for document in documents:
        if isinstance(document, Unreadable):
            files.quarantine(document)
        else:
            yield document


def _open(stack: ExitStack, writer: TaskWriter, split: Split, size: int) -> ShardWriter:
    names = (f"{split}/{name(writer.number)}" for name in (tokens_name, documents_name))
    tokens, documents = (stack.enter_context(writer.file(name)) for name in names)
    return stack.enter_context(ShardWriter(tokens, documents, size))
