"""What stays where something was removed."""

import pytest

from lmkit.readers.wiki.marks import REMOVED, UNSEEN, SavedTexts, close_gaps


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("area of {} and", "area of and"),
        ("ends {}.", "ends."),
        ("a {}, {}, b", "a, b"),
        ("({}; b) and ({}, {}) c", "(b) and () c"),
        ("mot {} ; suite", "mot ; suite"),
        ("mot {}; suite", "mot; suite"),
        ("in {} .NET and {}.NET", "in .NET and .NET"),
        ("one{}two", "one two"),
        ("東京{}都", "東京都"),
        ("один{}два", "один два"),
        ("{}\nline", "\nline"),
        ("line {}\nnext", "line\nnext"),
    ],
)
def test_no_gap_stays_and_no_words_are_glued(before: str, after: str) -> None:
    assert close_gaps(before.replace("{}", REMOVED)) == after


def test_a_note_is_no_border_of_words_but_of_sentences() -> None:
    assert close_gaps(f"lamp{UNSEEN}s. It{UNSEEN}, end.{UNSEEN}The") == "lamps. It, end. The"


def test_saved_texts_may_hold_saved_texts() -> None:
    saved = SavedTexts()
    inner = saved.save("[[x]]")
    assert saved.restore(f"a {saved.save(f'code {inner}')} b") == "a code [[x]] b"
