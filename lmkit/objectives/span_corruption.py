"""Span corruption: an encoder reads a text with holes, a decoder says what was in them.

    text             Thank you for inviting me to your party last week
    t5     source    Thank you <extra_id_0> me to your party <extra_id_1> week </s>
           target    <extra_id_0> for inviting <extra_id_1> last </s>
    bart   source    Thank you <mask> me to <mask> your party <mask> week </s>
           target    Thank you for inviting me to your party last week </s>

t5: Raffel et al. 2020, arXiv 1910.10683, section 3.1.4, and `random_spans_noise_mask` of the code
published with it. bart: the text infilling of Lewis et al. 2020, arXiv 1910.13461, section 2.2.

Choices:
- Each document of a row is corrupted on its own and sentinels restart, since no document may see
  another. Its begin and end are left out of the count and the corruption, and source and target
  each end with one end token. A piece of fewer than two text tokens has nothing to hide and to
  show: it is left out, and counted as dropped.
- t5: of L tokens, n = round(noise x L) are hidden in s = round(n / mean length) spans, both at
  least 1. Hidden and shown tokens are each cut into s parts, all cuts equally likely; the first
  part is shown, the last hidden. Source and target take L - n + s + 1 and n + s + 1 places: 512 and
  114 for 568 tokens.
- bart: spans have lengths of Poisson's distribution, drawn until n tokens are hidden, the last one
  cut to fit; one of length 0 puts a <mask> where nothing was. There are n spans at most, so that no
  source is longer than its text. All orders of spans and of shown tokens are equally likely, so
  two spans may touch.
- The decoder reads its targets moved by one place; first in each document stands the pad token,
  with which T5's decoder begins.
- A batch is always as wide as a row of one document needs, so that a compiled model sees one shape;
  many short documents may need more, and get it in steps of 64 places.

Shapes: B rows, T places, S places of the source, P documents, K spans, G stretches of text that is
shown, each with the span behind it (K and one more for each document), N text tokens.
"""

from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.batch import Batch
from lmkit.objectives.ragged import Layout, Text, join, ranks, text_of
from lmkit.packing.chunking import counting
from lmkit.packing.token_rows import NO_TARGET, Rows

SHOWN, HIDDEN, LENGTHS, PLACES = range(4)
"""What random numbers are for."""

STEP = 64


@dataclass(frozen=True)
class Marks:
    """Ids of the tokens that stand for what is hidden, and of those around a text."""

    sentinels: tuple[int, ...]
    mask: int | None
    around: tuple[int, ...]
    """What stands around the documents of the rows."""
    eos: int
    """What source and target end with."""
    pad: int


@dataclass(frozen=True)
class Spans:
    """How each document falls into stretches that are shown, each with a hidden span behind it."""

    shown_G: NDArray[np.int64]
    """How many tokens are shown; 0 where spans touch."""
    hidden_G: NDArray[np.int64]
    """How many are hidden behind them; 0 at a document's last, behind which there is no span, and
    where something was put in that hides nothing."""
    counts_P: NDArray[np.int64]
    """Spans in each document; it has one stretch more."""


def span_corruption(
    rows: Rows,
    keys_B: NDArray[np.uint64],
    marks: Marks,
    noise: float = 0.15,
    mean_span_length: float = 3.0,
    style: Literal["t5", "bart"] = "t5",
) -> Batch:
    """Make a batch for an encoder and a decoder.

    Args:
        rows: of the text.
        keys_B: what the random numbers of each row follow from.
        marks: ids of the special tokens that it takes.
        noise: share of the text that is hidden.
        mean_span_length: tokens in a hidden span, on average.
        style: what is shown in place of a span, and what the decoder says.

    """
    found = text_of(rows, ~np.isin(rows.tokens_BT, marks.around))
    text = found.only(found.lengths_P > 1)
    cut = _t5_spans if style == "t5" else _bart_spans
    spans = cut(text, keys_B, noise, mean_span_length)
    source, target = _written(text, rows.tokens_BT.ravel()[text.places_N], spans, marks, style)

    width = rows.tokens_BT.shape[1]
    source_width, target_width = lengths(width, noise, mean_span_length, style)
    source_shape = (len(keys_B), _width(source.layout, source_width))
    target_shape = (len(keys_B), _width(target.layout, target_width))
    read_M = np.roll(target.tokens_M, 1)
    read_M[target.layout.positions_M == 0] = marks.pad
    source_documents_BS = source.layout.documents(source_shape)
    documents_BT = target.layout.documents(target_shape)
    alone = bool((source_documents_BS == 1).all() and (documents_BT == 1).all())
    return Batch(
        tokens_BT=target.layout.spread(read_M, marks.pad, target_shape),
        positions_BT=target.layout.positions(target_shape),
        targets_BT=target.layout.spread(target.tokens_M, NO_TARGET, target_shape),
        documents_BT=None if alone else documents_BT,
        source_tokens_BS=source.layout.spread(source.tokens_M, marks.pad, source_shape),
        source_positions_BS=source.layout.positions(source_shape),
        source_documents_BS=None if alone else source_documents_BS,
        dropped=len(found.places_N) - len(text.places_N),
    )


def lengths(
    text: int,
    noise: float = 0.15,
    mean_span_length: float = 3.0,
    style: Literal["t5", "bart"] = "t5",
) -> tuple[int, int]:
    """Return how long source and target of a text are; in bart's style, the most they can be.

    >>> lengths(568), lengths(2274)
    ((512, 114), (2048, 456))
    """
    if style == "bart":
        return text + 1, text + 1
    hidden, spans = (int(each[0]) for each in _counts(np.array([text]), noise, mean_span_length))
    return text - hidden + spans + 1, hidden + spans + 1


def sentinels_needed(text: int, noise: float, mean_span_length: float) -> int:
    """Return how many spans a text has in T5's style.

    >>> sentinels_needed(2274, 0.15, 3.0)
    114
    """
    return int(_counts(np.array([text]), noise, mean_span_length)[1][0])


def _counts(
    lengths_P: NDArray[np.int64], noise: float, mean_span_length: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many tokens of each text are hidden, and in how many spans."""
    hidden_P = np.clip(np.rint(lengths_P * noise).astype(np.int64), 1, np.maximum(lengths_P - 1, 1))
    spans_P = np.maximum(np.rint(hidden_P / mean_span_length).astype(np.int64), 1)
    return hidden_P, np.minimum(spans_P, np.maximum(lengths_P - hidden_P, 1))


def _t5_spans(
    text: Text, keys_B: NDArray[np.uint64], noise: float, mean_span_length: float
) -> Spans:
    """Cut what is shown and what is hidden into as many parts, and take them in turns."""
    hidden_P, counts_P = _counts(text.lengths_P, noise, mean_span_length)
    drawn_2 = _draws(text, keys_B, (SHOWN, HIDDEN), (text.lengths_P - hidden_P, hidden_P))
    is_span_G = np.ones(int((counts_P + 1).sum()), np.bool_)
    is_span_G[np.cumsum(counts_P + 1) - 1] = False
    shown_G, hidden_G = np.zeros((2, len(is_span_G)), np.int64)
    shown_G[is_span_G] = _parts(text.lengths_P - hidden_P, counts_P, drawn_2[0])
    hidden_G[is_span_G] = _parts(hidden_P, counts_P, drawn_2[1])
    return Spans(shown_G, hidden_G, counts_P)


def _parts(
    items_P: NDArray[np.int64], parts_P: NDArray[np.int64], u_N: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Cut each number of items into so many parts, none of them empty; return the parts' sizes."""
    # The first item begins a part, and so do those of the others that have drawn the least.
    is_first_N = ranks(np.where(counting(items_P) == 0, -1.0, u_N), items_P)
    begins = np.flatnonzero(is_first_N < np.repeat(parts_P, items_P))
    return np.diff(np.append(begins, len(u_N)))


def _bart_spans(
    text: Text, keys_B: NDArray[np.uint64], noise: float, mean_span_length: float
) -> Spans:
    """Draw lengths until enough is hidden, and mix the spans with the tokens that are shown."""
    wanted_P, _ = _counts(text.lengths_P, noise, mean_span_length)
    (u_N,) = _draws(text, keys_B, (LENGTHS,), (wanted_P,))
    drawn_N = np.searchsorted(_poisson(mean_span_length)[:-1], u_N, side="right")
    pieces_N = np.repeat(np.arange(len(wanted_P)), wanted_P)
    before_N = np.cumsum(drawn_N) - drawn_N
    before_N = before_N - before_N[np.cumsum(wanted_P) - wanted_P][pieces_N]
    left_N = wanted_P[pieces_N] - before_N
    drawn_N[np.cumsum(wanted_P) - 1] = text.lengths_P  # the last one takes what is left
    is_used_N = left_N > 0
    spans_K = np.minimum(drawn_N, left_N)[is_used_N]
    counts_P = np.bincount(pieces_N[is_used_N], minlength=len(wanted_P))

    items_P = text.lengths_P - wanted_P + counts_P
    (u_N,) = _draws(text, keys_B, (PLACES,), (items_P,))
    pieces_N = np.repeat(np.arange(len(items_P)), items_P)
    is_span_N = ranks(u_N, items_P) < counts_P[pieces_N]
    groups_N = np.cumsum(is_span_N) - is_span_N + pieces_N  # a document has one more than spans
    stretches = int((counts_P + 1).sum())
    shown_G = np.bincount(groups_N[~is_span_N], minlength=stretches)
    hidden_G = np.zeros(stretches, np.int64)
    hidden_G[groups_N[is_span_N]] = spans_K
    return Spans(shown_G, hidden_G, counts_P)


def _poisson(mean: float) -> NDArray[np.float64]:
    """Return the odds of at most 0, 1, 2, ...; those beyond the table are none to speak of.

    >>> _poisson(3.0)[:3].round(3).tolist()
    [0.05, 0.199, 0.423]
    """
    numbers = np.arange(1, 256)
    return np.cumsum(np.append(1.0, np.cumprod(mean / numbers)) * exp(-mean))


def _draws(
    text: Text,
    keys_B: NDArray[np.uint64],
    uses: tuple[int, ...],
    counts: tuple[NDArray[np.int64], ...],
) -> list[NDArray[np.float64]]:
    """Draw so many numbers for each document, of those that belong to its columns in its row."""
    columns_P = Layout(text.rows_P, text.numbers_P, text.lengths_P).columns_P
    drawn: list[NDArray[np.float64]] = []
    for use, counts_P in zip(uses, counts, strict=True):
        assert (counts_P <= text.lengths_P).all(), "they would be another document's, too"
        most = int((columns_P + counts_P).max(initial=0))
        columns_N = np.repeat(columns_P, counts_P) + counting(counts_P)
        drawn.append(uniform(keys_B, use, most)[np.repeat(text.rows_P, counts_P), columns_N])
    return drawn


@dataclass(frozen=True)
class _Side:
    """Source or target: its tokens, and where they lie."""

    tokens_M: NDArray[np.int64]
    layout: Layout


def _written(
    text: Text,
    tokens_N: NDArray[np.int64],
    spans: Spans,
    marks: Marks,
    style: Literal["t5", "bart"],
) -> tuple[_Side, _Side]:
    """Put source and target together from text, marks and ends."""
    both_G = spans.shown_G + spans.hidden_G
    text_G = np.cumsum(both_G) - both_G
    has_span_G = np.ones(len(both_G), np.int64)
    has_span_G[np.cumsum(spans.counts_P + 1) - 1] = 0
    number_G = counting(spans.counts_P + 1) * has_span_G if style == "t5" else 0 * both_G
    shown_as = marks.sentinels if style == "t5" else (marks.mask,)
    pool = np.concatenate([tokens_N, [marks.eos], np.array(shown_as, np.int64)])

    shown = (text_G, spans.shown_G)
    hidden = (text_G + spans.shown_G, spans.hidden_G)
    mark = (len(tokens_N) + 1 + number_G, has_span_G)
    end = (len(tokens_N) + 0 * both_G, 1 - has_span_G)
    pieces_G = np.repeat(np.arange(len(spans.counts_P)), spans.counts_P + 1)

    def side(*parts: tuple[NDArray[np.int64], NDArray[np.int64]]) -> _Side:
        starts_G3, lengths_G3 = (np.stack([part[n] for part in parts], axis=1) for n in (0, 1))
        sizes_P = np.bincount(pieces_G, lengths_G3.sum(axis=1), len(spans.counts_P))
        layout = Layout(text.rows_P, text.numbers_P, sizes_P.astype(np.int64))
        return _Side(join(pool, starts_G3.ravel(), lengths_G3.ravel()), layout)

    return side(shown, mark, end), side(mark if style == "t5" else shown, hidden, end)


def _width(layout: Layout, width: int) -> int:
    """Return a width that fits: that of a row of one document, or else a multiple of 64."""
    return width if layout.width <= width else -(-layout.width // STEP) * STEP
