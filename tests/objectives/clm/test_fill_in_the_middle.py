from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.objectives.clm.fill_in_the_middle import Marks, fill_in_the_middle
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from tests.objectives.texts import (
    BOS,
    EOS,
    MIDDLE,
    PAD,
    PREFIX,
    SPECIAL,
    SUFFIX,
    keys_of,
    random_text,
    rows_of,
    some_documents,
    with_bos_eos,
)

SPECIAL_TOKENS = Marks(PREFIX, MIDDLE, SUFFIX, BOS, EOS, PAD)


def permuted(
    rows: SequenceBatch, rate: float = 1.0, spm_rate: float = 0.5, step: int = 1
) -> tuple[SequenceBatch, int]:
    return fill_in_the_middle(rows, keys_of(rows, step), SPECIAL_TOKENS, rate, spm_rate)


def pieces(rows: SequenceBatch) -> list[tuple[int, int, list[int]]]:
    return [
        (row, number, ids[numbers == number].tolist())
        for row, (ids, numbers) in enumerate(zip(rows.tokens_BT, rows.documents_BT, strict=True))
        for number in range(1, numbers.max() + 1)
    ]


def parts(ids: list[int]) -> tuple[str, list[int], list[int], list[int]]:
    """Form, prefix, middle and suffix of a document that was moved."""
    text = ids[1:-1]
    assert (ids[0], ids[-1], text[0]) == (BOS, EOS, PREFIX)
    suffix, middle = text.index(SUFFIX), text.index(MIDDLE)
    if suffix == 1:  # PSM with an empty prefix has the same tokens, and the same meaning
        return "SPM", [], text[middle + 1 :], text[2:middle]
    return "PSM", text[1:suffix], text[middle + 1 :], text[suffix + 1 : middle]


@given(
    documents=some_documents(),
    length=st.integers(2, 60),
    rate=st.floats(0, 1),
    step=st.integers(0, 9),
)
def test_documents_have_the_same_text_in_another_order(
    documents: list[list[int]], length: int, rate: float, step: int
) -> None:
    rows = rows_of(documents, length)
    result, dropped = permuted(rows, rate, step=step)
    assert result.tokens_BT.shape == rows.tokens_BT.shape
    missing_total = 0
    for (row, number, before), after in zip(pieces(rows), pieces(result), strict=True):
        assert (row, number) == after[:2]
        if PREFIX not in after[2]:
            assert after[2] == before
            continue
        assert (before[0], before[-1]) == (BOS, EOS)  # it was complete in its sequence
        _, prefix, middle, suffix = parts(after[2])
        original_order = [*prefix, *middle, *suffix]
        # SPM's prefix and middle are contiguous, before the suffix in the text.
        missing = len(before) - 2 - len(original_order)
        assert missing in (0, 3)
        assert original_order == before[1 : len(before) - 1 - missing]
        missing_total += missing
    assert dropped == missing_total
    tokens = [int((batch.documents_BT > 0).sum()) for batch in (rows, result)]
    moved_documents = int((result.tokens_BT == PREFIX).sum())
    assert tokens[1] == tokens[0] + 3 * moved_documents - dropped


@given(documents=some_documents(), length=st.integers(2, 60))
def test_targets_and_positions_are_those_of_the_new_sequences(
    documents: list[list[int]], length: int
) -> None:
    rows = rows_of(documents, length)
    result, _ = permuted(rows)
    for row in range(len(result.tokens_BT)):
        ids, numbers = result.tokens_BT[row], result.documents_BT[row]
        for column in range(length):
            inside = column + 1 < length and numbers[column + 1] == numbers[column] > 0
            if inside:
                assert result.following_BT[row, column] == ids[column + 1]
                assert result.positions_BT[row, column + 1] == result.positions_BT[row, column] + 1
            elif numbers[column]:
                # Only a document that continues in the next sequence has a target there.
                last = np.flatnonzero(rows.documents_BT[row] == numbers[column])[-1]
                assert result.following_BT[row, column] == rows.following_BT[row, last]
            else:
                assert (result.following_BT[row, column], ids[column]) == (NO_TARGET, PAD)


def test_added_tokens_use_padding_first_and_then_replace_the_last_text_tokens() -> None:
    texts = [list(range(10, 16)), list(range(20, 26)), list(range(30, 36))]
    rows = rows_of(
        [with_bos_eos(text) for text in texts], 28
    )  # three documents of 8, 4 tokens of padding
    result, dropped = permuted(rows)
    original_order = [sorted(i for i in ids if i >= SPECIAL) for _, _, ids in pieces(result)]
    assert original_order == [texts[0], texts[1][:3], texts[2][:3]]
    assert dropped == 6
    assert int((result.documents_BT[0] == 0).sum()) == 1


def test_documents_too_short_for_the_added_tokens_are_unchanged() -> None:
    rows = rows_of([with_bos_eos([10, 11, 12]), with_bos_eos([])], 7)
    result, dropped = permuted(rows)
    assert np.array_equal(result.tokens_BT, rows.tokens_BT)
    assert dropped == 0


def test_parts_of_documents_are_unchanged() -> None:
    rows = rows_of([with_bos_eos(random_text(30))], 16)
    result, _ = permuted(rows)
    assert np.array_equal(result.tokens_BT, rows.tokens_BT)


def test_rates_hold_over_10_000_sequences() -> None:
    one = rows_of([with_bos_eos([10, 11, 12, 13])], 9)
    rows = SequenceBatch(
        **{name: np.repeat(values, 10_000, 0) for name, values in vars(one).items()}
    )
    result, _ = permuted(rows, rate=0.5, spm_rate=0.25)
    forms = Counter(parts(ids)[0] if PREFIX in ids else "as it is" for _, _, ids in pieces(result))
    for form, probability in (
        ("as it is", 0.5),
        ("SPM", 0.5 * (0.25 + 0.75 * 9 / 25)),
        ("PSM", 0.24),
    ):
        # One of 5 split points is before all text: PSM's prefix is empty 9 times of 25.
        assert (
            abs(forms[form] - 10_000 * probability)
            < 2 * (10_000 * probability * (1 - probability)) ** 0.5
        )


def test_all_pairs_of_split_points_are_equally_likely() -> None:
    one = rows_of([with_bos_eos([10, 11])], 9)
    rows = SequenceBatch(
        **{name: np.repeat(values, 9_000, 0) for name, values in vars(one).items()}
    )
    result, _ = permuted(rows, spm_rate=0.0)
    outcomes = Counter(tuple(ids) for _, _, ids in pieces(result))
    # Two of 3 split points: the same one has 1/9, two different ones 2/9.
    for outcome, count in outcomes.items():
        _, prefix, middle, suffix = (
            parts(list(outcome)) if outcome[2] != SUFFIX else ("", [], *split(outcome))
        )
        probability = (2 if middle else 1) / 9
        assert (
            abs(count - 9_000 * probability) < 3 * (9_000 * probability * (1 - probability)) ** 0.5
        ), (prefix, suffix)
    assert len(outcomes) == 6


def split(outcome: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Middle and suffix of a document without a prefix."""
    text = list(outcome[3:-1])
    return text[text.index(MIDDLE) + 1 :], text[: text.index(MIDDLE)]


def test_a_sequence_is_permuted_the_same_in_every_batch() -> None:
    rows = rows_of([with_bos_eos(random_text(20, n)) for n in range(30)], 28)
    one_sequence = SequenceBatch(**{name: values[7:8] for name, values in vars(rows).items()})
    alone, _ = fill_in_the_middle(one_sequence, keys_of(rows)[7:8], SPECIAL_TOKENS, 1.0, 0.5)
    assert np.array_equal(alone.tokens_BT[0], permuted(rows)[0].tokens_BT[7])
