from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.objectives.batch import Batch
from lmkit.objectives.mlm.objective import mlm
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from lmkit.tokenizers.word_boundaries import WordBoundaries
from tests.objectives.texts import (
    IS_ORDINARY_V,
    MASK,
    SPECIAL,
    UNKNOWN,
    VOCABULARY,
    full_rows,
    keys_of,
    rows_of,
    some_documents,
    with_bos_eos,
)


def masked(rows: SequenceBatch, step: int = 1, **options: object) -> Batch:
    return mlm(rows, keys_of(rows, step), MASK, IS_ORDINARY_V, **options)  # type: ignore[arg-type]


def within_two_standard_deviations(count: int, tries: int, probability: float) -> bool:
    return abs(count - tries * probability) <= 2 * (tries * probability * (1 - probability)) ** 0.5


def test_15_percent_are_chosen_and_corrupted_80_10_10_over_10_000_sequences() -> None:
    rows = full_rows(10_000, 64)
    batch = masked(rows)
    chosen = batch.targets_BT != NO_TARGET
    corrupted, original = batch.tokens_BT[chosen], rows.tokens_BT[chosen]
    assert within_two_standard_deviations(int(chosen.sum()), chosen.size, 0.15)
    assert within_two_standard_deviations(int((corrupted == MASK).sum()), len(corrupted), 0.8)
    # One in 990 of those that are replaced is replaced by itself.
    itself = 0.1 / (VOCABULARY - SPECIAL)
    assert within_two_standard_deviations(
        int((corrupted == original).sum()), len(corrupted), 0.1 + itself
    )
    other = (corrupted != MASK) & (corrupted != original)
    assert within_two_standard_deviations(int(other.sum()), len(corrupted), 0.1 - itself)


def test_replacements_are_sampled_uniformly_from_ordinary_tokens_only() -> None:
    rows = full_rows(10_000, 64)
    batch = masked(rows)
    changed = (batch.tokens_BT != rows.tokens_BT) & (batch.tokens_BT != MASK)
    counts = np.bincount(batch.tokens_BT[changed], minlength=VOCABULARY)
    assert counts[:SPECIAL].sum() == 0
    expected = counts.sum() / (VOCABULARY - SPECIAL)
    freedom = VOCABULARY - SPECIAL - 1
    chi_square = ((counts[SPECIAL:] - expected) ** 2 / expected).sum()
    assert abs(chi_square - freedom) < 4 * (2 * freedom) ** 0.5


def test_every_position_of_a_sequence_is_chosen_equally_often() -> None:
    chosen = masked(full_rows(10_000, 64)).targets_BT != NO_TARGET
    counts = chosen.sum(axis=0)
    chi_square = ((counts - 1_500) ** 2 / (1_500 * 0.85)).sum()
    assert abs(chi_square - 64) < 4 * (2 * 64) ** 0.5


@given(documents=some_documents(), length=st.integers(2, 50), probability=st.floats(0.01, 0.99))
def test_targets_are_the_original_tokens_and_the_rest_is_unchanged(
    documents: list[list[int]], length: int, probability: float
) -> None:
    rows = rows_of(documents, length)
    batch = masked(rows, probability=probability)
    chosen = batch.targets_BT != NO_TARGET
    assert np.array_equal(batch.targets_BT[chosen], rows.tokens_BT[chosen])
    assert np.array_equal(batch.tokens_BT[~chosen], rows.tokens_BT[~chosen])
    assert (batch.targets_BT[chosen] >= SPECIAL).all()  # no special token, no padding
    assert np.array_equal(batch.positions_BT, rows.positions_BT)
    if batch.documents_BT is None:
        assert (rows.documents_BT == 1).all()
    else:
        assert np.array_equal(batch.documents_BT, rows.documents_BT)


def test_unknown_tokens_are_no_targets() -> None:
    rows = rows_of([with_bos_eos([UNKNOWN] * 500)], 502)
    assert masked(rows, probability=0.99).targets == 0


@given(seed=st.integers(0, 2**32), other=st.integers(SPECIAL, VOCABULARY - 1))
def test_the_inputs_do_not_reveal_a_target_unless_it_is_kept(seed: int, other: int) -> None:
    rows = full_rows(4, 32, seed % 100)
    before = masked(rows, seed)
    chosen = before.targets_BT != NO_TARGET
    kept = chosen & (before.tokens_BT == rows.tokens_BT)
    swapped = SequenceBatch(**{**vars(rows), "tokens_BT": np.where(chosen, other, rows.tokens_BT)})
    after = masked(swapped, seed)
    # A token that was replaced by itself doesn't count as kept, and is the same; nothing else
    # differs.
    differs = before.tokens_BT != after.tokens_BT
    assert not (differs & ~kept).any()
    assert np.array_equal(after.targets_BT != NO_TARGET, chosen)


def test_masks_are_new_at_each_step_and_the_same_at_the_same_step() -> None:
    rows = full_rows(50, 64)
    first, again, second = masked(rows, 1), masked(rows, 1), masked(rows, 2)
    assert np.array_equal(first.tokens_BT, again.tokens_BT)
    both = (first.targets_BT != NO_TARGET) & (second.targets_BT != NO_TARGET)
    assert within_two_standard_deviations(int(both.sum()), both.size, 0.15**2)


def test_a_sequence_is_masked_the_same_with_other_padding() -> None:
    rows = rows_of([with_bos_eos(range(20, 50)), with_bos_eos(range(60, 70))], 64)
    wide, narrow = masked(rows), masked(rows.trimmed())
    width = narrow.tokens_BT.shape[1]
    assert width < 64
    assert np.array_equal(wide.tokens_BT[:, :width], narrow.tokens_BT)
    assert np.array_equal(wide.targets_BT[:, :width], narrow.targets_BT)


def test_whole_words_are_chosen_with_the_same_probability() -> None:
    # Words of one, two and three tokens: ids that end in 0 begin one.
    texts = [" a" if number % 10 == 0 else "b" for number in range(VOCABULARY)]
    words = WordBoundaries([None if n < SPECIAL else text for n, text in enumerate(texts)])
    text = [100, 110, 111, 120, 121, 122] * 10_000
    rows = rows_of([with_bos_eos(text)], 62)
    batch = masked(rows, words=words)
    chosen = batch.targets_BT != NO_TARGET
    word_starts = words.word_starts(rows.tokens_BT, rows.documents_BT)
    tokens = rows.tokens_BT >= SPECIAL
    for row in range(100):
        for first in np.unique(word_starts[row]):
            word = tokens[row] & (word_starts[row] == first)
            assert len(set(chosen[row][word].tolist())) <= 1
    lengths = Counter(zip(*np.nonzero(chosen), word_starts[chosen], strict=True))
    assert lengths  # some words were chosen at all
    # The tokens of a word are chosen together, which makes the deviation at most sqrt(3) as large.
    count, tries = int(chosen.sum()), int(tokens.sum())
    assert abs(count - 0.15 * tries) <= 2 * (3 * tries * 0.15 * 0.85) ** 0.5
    corrupted = batch.tokens_BT[chosen]
    assert within_two_standard_deviations(int((corrupted == MASK).sum()), len(corrupted), 0.8)
