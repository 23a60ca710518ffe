from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.objectives.fill_in_the_middle import Marks, fill_in_the_middle
from lmkit.packing.token_rows import NO_TARGET, Rows
from tests.objectives.texts import (
    BEGIN,
    END,
    MIDDLE,
    PAD,
    PREFIX,
    SPECIAL,
    SUFFIX,
    framed,
    keys_of,
    random_text,
    rows_of,
    some_documents,
)

MARKS = Marks(PREFIX, MIDDLE, SUFFIX, BEGIN, END, PAD)


def moved(rows: Rows, rate: float = 1.0, spm_rate: float = 0.5, step: int = 1) -> tuple[Rows, int]:
    return fill_in_the_middle(rows, keys_of(rows, step), MARKS, rate, spm_rate)


def pieces(rows: Rows) -> list[tuple[int, int, list[int]]]:
    return [
        (row, number, ids[numbers == number].tolist())
        for row, (ids, numbers) in enumerate(zip(rows.tokens_BT, rows.documents_BT, strict=True))
        for number in range(1, numbers.max() + 1)
    ]


def parts(ids: list[int]) -> tuple[str, list[int], list[int], list[int]]:
    """Form, prefix, middle and suffix of a document that was moved."""
    text = ids[1:-1]
    assert (ids[0], ids[-1], text[0]) == (BEGIN, END, PREFIX)
    suffix, middle = text.index(SUFFIX), text.index(MIDDLE)
    if suffix == 1:  # PSM with an empty prefix looks the same, and says the same
        return "SPM", [], text[middle + 1 :], text[2:middle]
    return "PSM", text[1:suffix], text[middle + 1 :], text[suffix + 1 : middle]


@given(
    documents=some_documents(),
    length=st.integers(2, 60),
    rate=st.floats(0, 1),
    step=st.integers(0, 9),
)
def test_documents_say_the_same_in_another_order(
    documents: list[list[int]], length: int, rate: float, step: int
) -> None:
    rows = rows_of(documents, length)
    made, dropped = moved(rows, rate, step=step)
    assert made.tokens_BT.shape == rows.tokens_BT.shape
    lost = 0
    for (row, number, before), after in zip(pieces(rows), pieces(made), strict=True):
        assert (row, number) == after[:2]
        if PREFIX not in after[2]:
            assert after[2] == before
            continue
        assert (before[0], before[-1]) == (BEGIN, END)  # it lay whole in its row
        _, prefix, middle, suffix = parts(after[2])
        said = [*prefix, *middle, *suffix]
        # SPM's prefix and middle stand together, before the suffix in the text.
        missing = len(before) - 2 - len(said)
        assert missing in (0, 3)
        assert said == before[1 : len(before) - 1 - missing]
        lost += missing
    assert dropped == lost
    tokens = [int((each.documents_BT > 0).sum()) for each in (rows, made)]
    marks = int((made.tokens_BT == PREFIX).sum())
    assert tokens[1] == tokens[0] + 3 * marks - dropped


@given(documents=some_documents(), length=st.integers(2, 60))
def test_what_follows_and_where_it_stands_is_right_for_the_new_rows(
    documents: list[list[int]], length: int
) -> None:
    rows = rows_of(documents, length)
    made, _ = moved(rows)
    for row in range(len(made.tokens_BT)):
        ids, numbers = made.tokens_BT[row], made.documents_BT[row]
        for column in range(length):
            inside = column + 1 < length and numbers[column + 1] == numbers[column] > 0
            if inside:
                assert made.following_BT[row, column] == ids[column + 1]
                assert made.positions_BT[row, column + 1] == made.positions_BT[row, column] + 1
            elif numbers[column]:
                # Only a document that goes on in the next row has something behind it.
                last = np.flatnonzero(rows.documents_BT[row] == numbers[column])[-1]
                assert made.following_BT[row, column] == rows.following_BT[row, last]
            else:
                assert (made.following_BT[row, column], ids[column]) == (NO_TARGET, PAD)


def test_marks_take_padding_first_and_the_last_text_tokens_after_that() -> None:
    texts = [list(range(10, 16)), list(range(20, 26)), list(range(30, 36))]
    rows = rows_of([framed(text) for text in texts], 28)  # three documents of 8, 4 places behind
    made, dropped = moved(rows)
    said = [sorted(i for i in ids if i >= SPECIAL) for _, _, ids in pieces(made)]
    assert said == [texts[0], texts[1][:3], texts[2][:3]]
    assert dropped == 6
    assert int((made.documents_BT[0] == 0).sum()) == 1


def test_documents_without_room_for_marks_and_a_text_stay_as_they_are() -> None:
    rows = rows_of([framed([10, 11, 12]), framed([])], 7)
    made, dropped = moved(rows)
    assert np.array_equal(made.tokens_BT, rows.tokens_BT)
    assert dropped == 0


def test_parts_of_documents_stay_as_they_are() -> None:
    rows = rows_of([framed(random_text(30))], 16)
    made, _ = moved(rows)
    assert np.array_equal(made.tokens_BT, rows.tokens_BT)


def test_rates_hold_over_10_000_rows() -> None:
    one = rows_of([framed([10, 11, 12, 13])], 9)
    rows = Rows(**{name: np.repeat(values, 10_000, 0) for name, values in vars(one).items()})
    made, _ = moved(rows, rate=0.5, spm_rate=0.25)
    forms = Counter(parts(ids)[0] if PREFIX in ids else "as it is" for _, _, ids in pieces(made))
    for form, odds in (("as it is", 0.5), ("SPM", 0.5 * (0.25 + 0.75 * 9 / 25)), ("PSM", 0.24)):
        # One of 5 places is left of all text for each cut: PSM's prefix is empty 9 times of 25.
        assert abs(forms[form] - 10_000 * odds) < 2 * (10_000 * odds * (1 - odds)) ** 0.5


def test_all_pairs_of_cuts_are_equally_likely() -> None:
    one = rows_of([framed([10, 11])], 9)
    rows = Rows(**{name: np.repeat(values, 9_000, 0) for name, values in vars(one).items()})
    made, _ = moved(rows, spm_rate=0.0)
    ways = Counter(tuple(ids) for _, _, ids in pieces(made))
    # Two cuts, each at one of 3 places: the same place in 1 of 9, two different ones in 2 of 9.
    for way, count in ways.items():
        _, prefix, middle, suffix = parts(list(way)) if way[2] != SUFFIX else ("", [], *split(way))
        odds = (2 if middle else 1) / 9
        assert abs(count - 9_000 * odds) < 3 * (9_000 * odds * (1 - odds)) ** 0.5, (prefix, suffix)
    assert len(ways) == 6


def split(way: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Middle and suffix of a document without a prefix."""
    text = list(way[3:-1])
    return text[text.index(MIDDLE) + 1 :], text[: text.index(MIDDLE)]


def test_a_row_is_moved_the_same_whatever_stands_beside_it() -> None:
    rows = rows_of([framed(random_text(20, n)) for n in range(30)], 28)
    part = Rows(**{name: values[7:8] for name, values in vars(rows).items()})
    alone, _ = fill_in_the_middle(part, keys_of(rows)[7:8], MARKS, 1.0, 0.5)
    assert np.array_equal(alone.tokens_BT[0], moved(rows)[0].tokens_BT[7])
