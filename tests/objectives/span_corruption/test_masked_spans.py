from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.objectives.batch import Batch
from lmkit.objectives.span_corruption.masked_spans import (
    Marks,
    lengths,
    sentinels_needed,
    span_corruption,
)
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from tests.objectives.texts import (
    BOS,
    EOS,
    MASK,
    PAD,
    SPECIAL,
    VOCABULARY,
    full_rows,
    keys_of,
    random_text,
    rows_of,
    some_documents,
    with_bos_eos,
)

SENTINELS = tuple(range(2_000, 1_000, -1))
"""In descending order, as in T5's vocabulary."""
SPECIAL_TOKENS = Marks(SENTINELS, MASK, (BOS, EOS), EOS, PAD)

PUBLISHED = {141: (128, 29), 284: (256, 58), 568: (512, 114), 1_137: (1_024, 229)}
PUBLISHED |= {2_274: (2_048, 456)}
"""What `random_spans_helper` of T5's code gives for its noise of 0.15 and spans of 3."""


def corrupted(rows: SequenceBatch, step: int = 1, **options: Any) -> Batch:
    return span_corruption(rows, keys_of(rows, step), SPECIAL_TOKENS, **options)


def by_document(
    tokens: np.ndarray, documents: np.ndarray | None, fill: int
) -> list[dict[int, list[int]]]:
    """The tokens of each document of each row, by its number."""
    if documents is None:
        documents = np.ones_like(tokens)
    rows: list[dict[int, list[int]]] = []
    for ids, numbers in zip(tokens, documents, strict=True):
        assert (ids[numbers == 0] == fill).all()
        rows.append({int(n): ids[numbers == n].tolist() for n in np.unique(numbers[numbers > 0])})
    return rows


def sources_and_targets(batch: Batch) -> list[tuple[int, int, list[int], list[int]]]:
    """Row, number, source and target of each document."""
    assert batch.source_tokens_BS is not None
    sources = by_document(batch.source_tokens_BS, batch.source_documents_BS, PAD)
    targets = by_document(batch.targets_BT, batch.documents_BT, NO_TARGET)
    assert [list(row) for row in sources] == [list(row) for row in targets]
    return [
        (row, number, source[number], target[number])
        for row, (source, target) in enumerate(zip(sources, targets, strict=True))
        for number in source
    ]


def texts_of(rows: SequenceBatch) -> list[tuple[int, int, list[int]]]:
    """Row, number and text of each piece with at least two tokens."""
    pieces_of_rows = by_document(rows.tokens_BT, rows.documents_BT, PAD)
    texts = [
        (row, number, [i for i in ids if i not in (BOS, EOS)])
        for row, pieces in enumerate(pieces_of_rows)
        for number, ids in pieces.items()
    ]
    return [each for each in texts if len(each[2]) > 1]


def reconstructed(source: list[int], target: list[int]) -> tuple[list[int], list[int]]:
    """Insert the target's spans into the source; return the text, and the length of each span."""
    assert source[-1] == target[-1] == EOS
    target_spans: list[list[int]] = []
    for token in target[:-1]:
        if token in SENTINELS:
            assert token == SENTINELS[len(target_spans)]  # the first, the second, ...
            target_spans.append([])
        else:
            target_spans[-1].append(token)
    text: list[int] = []
    masked_spans = 0
    for token in source[:-1]:
        if token in SENTINELS:
            assert token == SENTINELS[masked_spans]
            text += target_spans[masked_spans]
            masked_spans += 1
        else:
            text.append(token)
    assert masked_spans == len(target_spans)
    return text, [len(span) for span in target_spans]


@pytest.mark.parametrize("text", PUBLISHED)
def test_source_and_target_are_as_long_as_t5_published(text: int) -> None:
    rows = full_rows(20, text)
    batch = corrupted(rows)
    assert batch.source_tokens_BS is not None
    assert (batch.source_tokens_BS.shape[1], batch.targets_BT.shape[1]) == PUBLISHED[text]
    assert (batch.source_tokens_BS != PAD).all() and (batch.targets_BT != NO_TARGET).all()
    assert batch.documents_BT is None and batch.source_documents_BS is None
    # With BOS and EOS, which aren't counted, the same text gives the same lengths.
    batch = corrupted(rows_of([with_bos_eos(random_text(text))], text + 2))
    ((_, _, source, target),) = sources_and_targets(batch)
    assert (len(source), len(target)) == PUBLISHED[text]


def test_one_more_token_would_not_fit() -> None:
    # The published rule is the longest text whose source fits.
    for text, (source, _) in PUBLISHED.items():
        assert lengths(text)[0] == source < lengths(text + 1)[0]


@given(documents=some_documents(60), length=st.integers(4, 80), step=st.integers(0, 9))
def test_source_and_target_together_contain_each_text_once(
    documents: list[list[int]], length: int, step: int
) -> None:
    rows = rows_of(documents, length)
    batch = corrupted(rows, step)
    actual = sources_and_targets(batch)
    expected = texts_of(rows)
    assert [(row, number) for row, number, _, _ in actual] == [(row, n) for row, n, _ in expected]
    for (_, _, source, target), (_, _, text) in zip(actual, expected, strict=True):
        target_spans, masked_spans = reconstructed(source, target)
        assert target_spans == text
        is_masked = min(max(round(0.15 * len(text)), 1), len(text) - 1)
        assert sum(masked_spans) == is_masked and min(masked_spans) > 0
        assert len(masked_spans) == min(max(round(is_masked / 3), 1), len(text) - is_masked)
        assert source[0] >= SPECIAL and source[0] not in SENTINELS  # the first part is unmasked
        assert source[-2] in SENTINELS  # and the last one masked
        pairs = pairwise(source)
        assert not any(a in SENTINELS and b in SENTINELS for a, b in pairs)
    dropped = sum(i >= SPECIAL for i in rows.tokens_BT.ravel()) - sum(
        len(t) for _, _, t in expected
    )
    assert batch.dropped == dropped


@given(documents=some_documents(), length=st.integers(4, 80))
def test_decoder_inputs_are_shifted_targets_and_start_with_padding(
    documents: list[list[int]], length: int
) -> None:
    batch = corrupted(rows_of(documents, length))
    numbers = batch.documents_BT
    if numbers is None:
        numbers = np.ones_like(batch.targets_BT)
    for row, column in np.argwhere(numbers > 0):
        number = numbers[row, column]
        first = column == 0 or numbers[row, column - 1] != number
        expected = PAD if first else batch.targets_BT[row, column - 1]
        assert batch.tokens_BT[row, column] == expected
        expected = 0 if first else batch.positions_BT[row, column - 1] + 1
        assert batch.positions_BT[row, column] == expected
    assert (batch.tokens_BT[numbers == 0] == PAD).all()


def test_positions_of_the_source_restart_in_each_document() -> None:
    batch = corrupted(rows_of([with_bos_eos(range(20, 30)), with_bos_eos(range(40, 50))], 24))
    assert batch.source_documents_BS is not None and batch.source_positions_BS is not None
    for number in (1, 2):
        positions = batch.source_positions_BS[batch.source_documents_BS == number]
        assert positions.tolist() == list(range(10))  # 8 tokens, a sentinel and EOS


def test_all_partitions_of_a_text_are_equally_likely() -> None:
    # 4 of 8 tokens in 2 spans: 3 partitions of the unmasked tokens, 3 of the masked ones.
    rows = full_rows(9_000, 8)
    batch = corrupted(rows, noise_density=0.5, mean_span_length=2.0)
    assert batch.source_tokens_BS is not None
    is_unmasked = np.array([np.isin(t, s) for t, s in zip(rows.tokens_BT, batch.source_tokens_BS)])  # noqa: B905
    outcomes = Counter(map(tuple, is_unmasked.tolist()))
    counts = np.array(
        [count for count in outcomes.values() if count > 90]
    )  # a token may come twice
    assert len(counts) == 9
    expected = counts.mean()
    assert ((counts - expected) ** 2 / expected).sum() < 8 + 4 * 16**0.5


def test_a_sequence_is_corrupted_the_same_in_every_batch() -> None:
    rows = rows_of([with_bos_eos(random_text(60, n)) for n in range(30)], 64)
    batch = corrupted(rows)
    one_sequence = SequenceBatch(**{name: values[7:8] for name, values in vars(rows).items()})
    alone = span_corruption(one_sequence, keys_of(rows)[7:8], SPECIAL_TOKENS)
    assert sources_and_targets(alone) == [
        (0, *rest) for row, *rest in sources_and_targets(batch) if row == 7
    ]


@given(documents=some_documents(), other=st.integers(SPECIAL, VOCABULARY - 1))
def test_the_source_does_not_reveal_what_is_masked(documents: list[list[int]], other: int) -> None:
    rows = rows_of(documents, 50)
    before = corrupted(rows)
    assert before.source_tokens_BS is not None
    # Which tokens are masked is found by giving each of them a unique id.
    unique = np.where(rows.tokens_BT >= SPECIAL, np.arange(rows.tokens_BT.size).reshape(
        rows.tokens_BT.shape) + 10_000, rows.tokens_BT)  # fmt: skip
    is_masked = np.isin(
        unique, corrupted(SequenceBatch(**{**vars(rows), "tokens_BT": unique})).targets_BT
    )
    is_masked &= unique >= 10_000
    swapped = np.where(is_masked, other, rows.tokens_BT)
    after = corrupted(SequenceBatch(**{**vars(rows), "tokens_BT": swapped}))
    assert np.array_equal(before.source_tokens_BS, after.source_tokens_BS)
    assert before.targets == after.targets


def test_shapes_are_constant_unless_many_documents_need_more() -> None:
    ordinary = [corrupted(full_rows(4, 64, seed), seed) for seed in range(5)]
    assert {(batch.source_tokens_BS.shape, batch.tokens_BT.shape) for batch in ordinary} == {  # type: ignore[union-attr]
        ((4, lengths(64)[0]), (4, lengths(64)[1]))
    }
    many_documents = corrupted(rows_of([with_bos_eos([20, 21])] * 16, 64))
    assert many_documents.source_tokens_BS is not None
    # Each document: a token, a sentinel and EOS; and a sentinel, a token and EOS.
    assert int((many_documents.source_tokens_BS != PAD).sum()) == 16 * 3
    assert (many_documents.source_tokens_BS.shape[1], many_documents.tokens_BT.shape[1]) == (
        lengths(64)[0],
        64,
    )


def test_sequences_without_anything_to_mask_have_no_targets() -> None:
    batch = corrupted(rows_of([with_bos_eos([]), with_bos_eos([20])], 8))
    assert (batch.targets, batch.dropped) == (0, 1)


def test_2_274_tokens_take_114_sentinels() -> None:
    assert sentinels_needed(2_274, 0.15, 3.0) == 114
    batch = corrupted(full_rows(2, 2_274))
    assert min(i for i in batch.targets_BT.ravel() if i > VOCABULARY) == SENTINELS[113]


@given(documents=some_documents(60), length=st.integers(4, 80), step=st.integers(0, 9))
def test_barts_target_is_the_full_text_and_its_source_has_one_mask_per_span(
    documents: list[list[int]], length: int, step: int
) -> None:
    rows = rows_of(documents, length)
    actual = sources_and_targets(corrupted(rows, step, noise_density=0.3, style="bart"))
    expected = texts_of(rows)
    assert [(row, number) for row, number, _, _ in actual] == [(row, n) for row, n, _ in expected]
    for (_, _, source, target), (_, _, text) in zip(actual, expected, strict=True):
        assert target == [*text, EOS]
        assert source[-1] == EOS
        unmasked = [token for token in source[:-1] if token != MASK]
        remaining = iter(text)
        assert all(token in remaining for token in unmasked)  # in their order
        assert len(text) - len(unmasked) == max(round(0.3 * len(text)), 1)


def test_barts_span_lengths_have_a_poisson_distribution() -> None:
    rows = full_rows(2_000, 200)
    batch = corrupted(rows, noise_density=0.3, style="bart")
    assert batch.source_tokens_BS is not None
    masked_spans = (batch.source_tokens_BS == MASK).sum(axis=1)
    # Lengths are sampled until their sum is 60. A renewal process with mean m and variance v takes
    # 60 / m + (v + m^2) / (2 m^2) samples on average, minus the overshoot: m = v = 3.
    expected = 60 / 3 + (3 + 9) / (2 * 9) - 1 / (2 * 3)
    assert abs(masked_spans.mean() - expected) < 4 * masked_spans.std() / 2_000**0.5
    assert masked_spans.std() == pytest.approx((60 * 3 / 3**3) ** 0.5, rel=0.1)
