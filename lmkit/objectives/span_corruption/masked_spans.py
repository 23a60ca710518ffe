"""Span corruption: an encoder reads a text with masked spans, a decoder predicts them.

    text             Thank you for inviting me to your party last week
    t5     source    Thank you <extra_id_0> me to your party <extra_id_1> week </s>
           target    <extra_id_0> for inviting <extra_id_1> last </s>
    bart   source    Thank you <mask> me to <mask> your party <mask> week </s>
           target    Thank you for inviting me to your party last week </s>

t5: Raffel et al. 2020, arXiv 1910.10683, section 3.1.4, and `random_spans_noise_mask` of the code
published with it. bart: the text infilling of Lewis et al. 2020, arXiv 1910.13461, section 2.2.

Choices:
- Each document of a sequence is corrupted separately and sentinels restart, since no document may
  attend to another. Its BOS and EOS are neither counted nor corrupted, and source and target each
  end with one EOS. A piece of fewer than two text tokens can't have both masked and unmasked
  tokens: it is left out, and counted as dropped.
- t5: of L tokens, n = round(noise density x L) are masked in s = round(n / mean length) spans, both
  at least 1. Masked and unmasked tokens are each partitioned into s parts, all partitions equally
  likely; the first part is unmasked, the last masked. Source and target have L - n + s + 1 and
  n + s + 1 positions: 512 and 114 for 568 tokens.
- bart: span lengths have a Poisson distribution, sampled until n tokens are masked, the last one
  truncated to fit; one of length 0 inserts a <mask> without masking anything. There are n spans at
  most, so that no source is longer than its text. All orders of spans and of unmasked tokens are
  equally likely, so two spans may be adjacent.
- The decoder's inputs are its targets shifted by one position; each document starts with the pad
  token, T5's decoder start token.
- A batch is always as wide as a sequence of one document needs, so that a compiled model gets one
  shape; many short documents may need more, and get it in steps of 64 positions.

Shapes: B sequences, T positions, S source positions, P documents, K spans, G segments, each a run
of unmasked tokens and the span after it (K and one more for each document), N text tokens.
"""

from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.batch import Batch
from lmkit.objectives.ragged import Layout, Text, gather_spans, ranks, text_of
from lmkit.packing.chunking import concatenated_ranges
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch

UNMASKED, MASKED, LENGTHS, SPAN_POSITIONS = range(4)
"""Streams of random numbers."""

WIDTH_MULTIPLE = 64


@dataclass(frozen=True)
class Marks:
    """Ids of the tokens that replace masked spans, and of those around a text."""

    sentinels: tuple[int, ...]
    mask: int | None
    bos_eos: tuple[int, ...]
    """The tokens around the documents of the sequences."""
    eos: int
    """The last token of source and target."""
    pad: int


@dataclass(frozen=True)
class Spans:
    """The segments of each document: a run of unmasked tokens and the masked span after it."""

    unmasked_G: NDArray[np.int64]
    """Number of unmasked tokens; 0 between adjacent spans."""
    masked_G: NDArray[np.int64]
    """Number of masked tokens after them; 0 in a document's last segment, which has no span, and
    where a mask was inserted that masks nothing."""
    counts_P: NDArray[np.int64]
    """Spans in each document; it has one segment more."""


def span_corruption(
    rows: SequenceBatch,
    keys_B: NDArray[np.uint64],
    special: Marks,
    noise_density: float = 0.15,
    mean_span_length: float = 3.0,
    style: Literal["t5", "bart"] = "t5",
) -> Batch:
    """Make a batch for an encoder-decoder.

    Args:
        rows: sequences of the text.
        keys_B: the key of each sequence's random numbers.
        special: ids of the special tokens.
        noise_density: fraction of the text that is masked.
        mean_span_length: mean tokens in a masked span.
        style: what replaces a span, and what the decoder predicts.

    """
    pieces = text_of(rows, ~np.isin(rows.tokens_BT, special.bos_eos))
    text = pieces.select(pieces.lengths_P > 1)
    sample_spans = _t5_spans if style == "t5" else _bart_spans
    spans = sample_spans(text, keys_B, noise_density, mean_span_length)
    source, target = _source_and_target(
        text, rows.tokens_BT.ravel()[text.indices_N], spans, special, style
    )

    width = rows.tokens_BT.shape[1]
    source_width, target_width = lengths(width, noise_density, mean_span_length, style)
    source_shape = (len(keys_B), _width(source.layout, source_width))
    target_shape = (len(keys_B), _width(target.layout, target_width))
    decoder_input_M = np.roll(target.tokens_M, 1)
    decoder_input_M[target.layout.positions_M == 0] = special.pad
    source_documents_BS = source.layout.documents(source_shape)
    documents_BT = target.layout.documents(target_shape)
    is_one_document = bool((source_documents_BS == 1).all() and (documents_BT == 1).all())
    return Batch(
        tokens_BT=target.layout.scatter(decoder_input_M, special.pad, target_shape),
        positions_BT=target.layout.positions(target_shape),
        targets_BT=target.layout.scatter(target.tokens_M, NO_TARGET, target_shape),
        documents_BT=None if is_one_document else documents_BT,
        source_tokens_BS=source.layout.scatter(source.tokens_M, special.pad, source_shape),
        source_positions_BS=source.layout.positions(source_shape),
        source_documents_BS=None if is_one_document else source_documents_BS,
        dropped=len(pieces.indices_N) - len(text.indices_N),
    )


def lengths(
    text: int,
    noise_density: float = 0.15,
    mean_span_length: float = 3.0,
    style: Literal["t5", "bart"] = "t5",
) -> tuple[int, int]:
    """Return the lengths of source and target of a text; in bart's style, the maximum lengths.

    >>> lengths(568), lengths(2274)
    ((512, 114), (2048, 456))
    """
    if style == "bart":
        return text + 1, text + 1
    masked, spans = (
        int(each[0]) for each in _counts(np.array([text]), noise_density, mean_span_length)
    )
    return text - masked + spans + 1, masked + spans + 1


def sentinels_needed(text: int, noise_density: float, mean_span_length: float) -> int:
    """Return how many spans a text has in T5's style.

    >>> sentinels_needed(2274, 0.15, 3.0)
    114
    """
    return int(_counts(np.array([text]), noise_density, mean_span_length)[1][0])


def _counts(
    lengths_P: NDArray[np.int64], noise_density: float, mean_span_length: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many tokens of each text are masked, and in how many spans."""
    masked_counts_P = np.clip(
        np.rint(lengths_P * noise_density).astype(np.int64), 1, np.maximum(lengths_P - 1, 1)
    )
    spans_P = np.maximum(np.rint(masked_counts_P / mean_span_length).astype(np.int64), 1)
    return masked_counts_P, np.minimum(spans_P, np.maximum(lengths_P - masked_counts_P, 1))


def _t5_spans(
    text: Text, keys_B: NDArray[np.uint64], noise_density: float, mean_span_length: float
) -> Spans:
    """Partition unmasked and masked tokens into equally many parts, and alternate them."""
    masked_counts_P, counts_P = _counts(text.lengths_P, noise_density, mean_span_length)
    u_2 = _random_numbers(
        text, keys_B, (UNMASKED, MASKED), (text.lengths_P - masked_counts_P, masked_counts_P)
    )
    is_span_G = np.ones(int((counts_P + 1).sum()), np.bool_)
    is_span_G[np.cumsum(counts_P + 1) - 1] = False
    unmasked_G, masked_G = np.zeros((2, len(is_span_G)), np.int64)
    unmasked_G[is_span_G] = _random_partition(text.lengths_P - masked_counts_P, counts_P, u_2[0])
    masked_G[is_span_G] = _random_partition(masked_counts_P, counts_P, u_2[1])
    return Spans(unmasked_G, masked_G, counts_P)


def _random_partition(
    items_P: NDArray[np.int64], parts_P: NDArray[np.int64], u_N: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Partition each number of items into non-empty parts; return the sizes of the parts."""
    # The first item begins a part, and so do the others with the smallest random numbers.
    is_first_N = ranks(np.where(concatenated_ranges(items_P) == 0, -1.0, u_N), items_P)
    part_starts = np.flatnonzero(is_first_N < np.repeat(parts_P, items_P))
    return np.diff(np.append(part_starts, len(u_N)))


def _bart_spans(
    text: Text, keys_B: NDArray[np.uint64], noise_density: float, mean_span_length: float
) -> Spans:
    """Sample lengths until enough is masked, and shuffle the spans with the unmasked tokens."""
    to_mask_P, _ = _counts(text.lengths_P, noise_density, mean_span_length)
    (u_N,) = _random_numbers(text, keys_B, (LENGTHS,), (to_mask_P,))
    lengths_N = np.searchsorted(_poisson(mean_span_length)[:-1], u_N, side="right")
    pieces_N = np.repeat(np.arange(len(to_mask_P)), to_mask_P)
    before_N = np.cumsum(lengths_N) - lengths_N
    before_N = before_N - before_N[np.cumsum(to_mask_P) - to_mask_P][pieces_N]
    remaining_N = to_mask_P[pieces_N] - before_N
    lengths_N[np.cumsum(to_mask_P) - 1] = text.lengths_P  # the last one takes the remaining tokens
    is_used_N = remaining_N > 0
    spans_K = np.minimum(lengths_N, remaining_N)[is_used_N]
    counts_P = np.bincount(pieces_N[is_used_N], minlength=len(to_mask_P))

    items_P = text.lengths_P - to_mask_P + counts_P
    (u_N,) = _random_numbers(text, keys_B, (SPAN_POSITIONS,), (items_P,))
    pieces_N = np.repeat(np.arange(len(items_P)), items_P)
    is_span_N = ranks(u_N, items_P) < counts_P[pieces_N]
    groups_N = np.cumsum(is_span_N) - is_span_N + pieces_N  # a document has one more than spans
    segments = int((counts_P + 1).sum())
    unmasked_G = np.bincount(groups_N[~is_span_N], minlength=segments)
    masked_G = np.zeros(segments, np.int64)
    masked_G[groups_N[is_span_N]] = spans_K
    return Spans(unmasked_G, masked_G, counts_P)


def _poisson(mean: float) -> NDArray[np.float64]:
    """Return the probability of at most 0, 1, 2, ...; values beyond the table are negligible.

    >>> _poisson(3.0)[:3].round(3).tolist()
    [0.05, 0.199, 0.423]
    """
    numbers = np.arange(1, 256)
    return np.cumsum(np.append(1.0, np.cumprod(mean / numbers)) * exp(-mean))


def _random_numbers(
    text: Text,
    keys_B: NDArray[np.uint64],
    streams: tuple[int, ...],
    counts: tuple[NDArray[np.int64], ...],
) -> list[NDArray[np.float64]]:
    """Return random numbers for each document, by the columns of its text in the sequence."""
    columns_P = Layout(text.rows_P, text.numbers_P, text.lengths_P).columns_P
    numbers: list[NDArray[np.float64]] = []
    for stream, counts_P in zip(streams, counts, strict=True):
        assert (counts_P <= text.lengths_P).all(), "they would be another document's numbers, too"
        max_columns = int((columns_P + counts_P).max(initial=0))
        columns_N = np.repeat(columns_P, counts_P) + concatenated_ranges(counts_P)
        numbers.append(
            uniform(keys_B, stream, max_columns)[np.repeat(text.rows_P, counts_P), columns_N]
        )
    return numbers


@dataclass(frozen=True)
class _Side:
    """Source or target: its tokens and their layout."""

    tokens_M: NDArray[np.int64]
    layout: Layout


def _source_and_target(
    text: Text,
    tokens_N: NDArray[np.int64],
    spans: Spans,
    special: Marks,
    style: Literal["t5", "bart"],
) -> tuple[_Side, _Side]:
    """Join source and target from text, sentinels or masks, and EOS."""
    lengths_G = spans.unmasked_G + spans.masked_G
    text_G = np.cumsum(lengths_G) - lengths_G
    has_span_G = np.ones(len(lengths_G), np.int64)
    has_span_G[np.cumsum(spans.counts_P + 1) - 1] = 0
    sentinel_number_G = (
        concatenated_ranges(spans.counts_P + 1) * has_span_G if style == "t5" else 0 * lengths_G
    )
    placeholders = special.sentinels if style == "t5" else (special.mask,)
    pool = np.concatenate([tokens_N, [special.eos], np.array(placeholders, np.int64)])

    unmasked = (text_G, spans.unmasked_G)
    masked = (text_G + spans.unmasked_G, spans.masked_G)
    placeholder = (len(tokens_N) + 1 + sentinel_number_G, has_span_G)
    eos = (len(tokens_N) + 0 * lengths_G, 1 - has_span_G)
    pieces_G = np.repeat(np.arange(len(spans.counts_P)), spans.counts_P + 1)

    def make_side(*parts: tuple[NDArray[np.int64], NDArray[np.int64]]) -> _Side:
        starts_G3, lengths_G3 = (np.stack([part[n] for part in parts], axis=1) for n in (0, 1))
        sizes_P = np.bincount(pieces_G, lengths_G3.sum(axis=1), len(spans.counts_P))
        layout = Layout(text.rows_P, text.numbers_P, sizes_P.astype(np.int64))
        return _Side(gather_spans(pool, starts_G3.ravel(), lengths_G3.ravel()), layout)

    return make_side(unmasked, placeholder, eos), make_side(
        placeholder if style == "t5" else unmasked, masked, eos
    )


def _width(layout: Layout, width: int) -> int:
    """Return a sufficient width: that of a sequence of one document, or else a multiple of 64."""
    return width if layout.width <= width else -(-layout.width // WIDTH_MULTIPLE) * WIDTH_MULTIPLE
