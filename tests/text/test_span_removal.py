import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.span_removal import cut, joined

CODE = "if x:\n    a = 1\n    b = 2\n\nelse:\n    c = 3\n"
TEXTS = st.text(st.sampled_from("ab  \n"), max_size=60)


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("one two three", ["two"], "one three"),
        ("one two three", ["one two"], "three"),
        ("one\ntwo\nthree\n", ["two\n"], "one\nthree\n"),
        ("one.\n\ntwo.\n\nthree.", ["two."], "one.\n\nthree."),
        ("one two.\n\nthree four.", ["two.\n\nthree"], "one\n\nfour."),
        ("one two\nthree four", ["two\nthree"], "one\nfour"),
        (CODE, ["    a = 1\n"], "if x:\n    b = 2\n\nelse:\n    c = 3\n"),
        (CODE, ["    c = 3\n"], "if x:\n    a = 1\n    b = 2\n\nelse:"),
        (CODE, ["if x:\n"], "    a = 1\n    b = 2\n\nelse:\n    c = 3\n"),
        ("日本語", ["本"], "日語"),
        ("one two", ["one", "two"], ""),
    ],
)
def test_what_stays_is_parted_as_it_was(text: str, gone: list[str], left: str) -> None:
    assert cut(text, [(text.index(one), text.index(one) + len(one)) for one in gone]) == left


@given(text=TEXTS, chosen=st.sets(st.integers(0, 30)))
def test_the_words_that_stay_are_those_that_are_not_cut(text: str, chosen: set[int]) -> None:
    positions = [found.span() for found in re.finditer(r"\S+", text)]
    gone = [span for number, span in enumerate(positions) if number in chosen]
    kept = [text[a:b] for number, (a, b) in enumerate(positions) if number not in chosen]
    left = cut(text, gone)
    assert left.split() == kept
    if not gone:
        assert left == text
    # Two words share a line, and a paragraph, only where they did before.
    old = [len(p.split()) for p in text.split("\n")]
    assert len([line for line in left.split("\n") if line.strip()]) <= len(old)


@given(text=TEXTS, first=st.integers(0, 30), count=st.integers(1, 10))
def test_words_of_two_lines_do_not_come_to_share_one(text: str, first: int, count: int) -> None:
    positions = [found.span() for found in re.finditer(r"\S+", text)]
    gone = positions[first : first + count]
    if not gone or first == 0 or first + count >= len(positions):
        return
    between = text[positions[first - 1][1] : positions[first + count][0]]
    before = len(text[: gone[0][0]].split())
    left = cut(text, [(gone[0][0], gone[-1][1])])
    words = [found.span() for found in re.finditer(r"\S+", left)]
    parting = left[words[before - 1][1] : words[before][0]]
    assert ("\n" in parting) == ("\n" in between)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted).map(tuple)))
def test_joined_spans_cover_the_same_places(spans: list[tuple[int, int]]) -> None:
    whole = joined(spans)
    assert {n for a, b in whole for n in range(a, b)} == {n for a, b in spans for n in range(a, b)}
    assert all(one[1] < other[0] for one, other in pairwise(whole))
