import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.span_removal import cut, joined

CODE = "if x:\n    a = 1\n    b = 2\n\nelse:\n    c = 3\n"
TEXTS = st.text(st.sampled_from("ab  \n"), max_size=60)


@pytest.mark.parametrize(
    ("text", "removed", "left"),
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
def test_the_remaining_text_is_separated_as_before(
    text: str, removed: list[str], left: str
) -> None:
    assert cut(text, [(text.index(one), text.index(one) + len(one)) for one in removed]) == left


@given(text=TEXTS, chosen=st.sets(st.integers(0, 30)))
def test_the_remaining_words_are_those_outside_of_the_spans(text: str, chosen: set[int]) -> None:
    positions = [found.span() for found in re.finditer(r"\S+", text)]
    removed = [span for number, span in enumerate(positions) if number in chosen]
    kept = [text[a:b] for number, (a, b) in enumerate(positions) if number not in chosen]
    left = cut(text, removed)
    assert left.split() == kept
    if not removed:
        assert left == text
    # Two words share a line, and a paragraph, only where they did before.
    old = [len(p.split()) for p in text.split("\n")]
    assert len([line for line in left.split("\n") if line.strip()]) <= len(old)


@given(text=TEXTS, first=st.integers(0, 30), count=st.integers(1, 10))
def test_words_of_two_lines_are_not_merged_into_one(text: str, first: int, count: int) -> None:
    positions = [found.span() for found in re.finditer(r"\S+", text)]
    removed = positions[first : first + count]
    if not removed or first == 0 or first + count >= len(positions):
        return
    between = text[positions[first - 1][1] : positions[first + count][0]]
    before = len(text[: removed[0][0]].split())
    left = cut(text, [(removed[0][0], removed[-1][1])])
    words = [found.span() for found in re.finditer(r"\S+", left)]
    separator = left[words[before - 1][1] : words[before][0]]
    assert ("\n" in separator) == ("\n" in between)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted).map(tuple)))
def test_joined_spans_cover_the_same_offsets(spans: list[tuple[int, int]]) -> None:
    merged = joined(spans)
    assert {n for a, b in merged for n in range(a, b)} == {n for a, b in spans for n in range(a, b)}
    assert all(one[1] < other[0] for one, other in pairwise(merged))
