"""Captions that roll, and what people say twice."""

import pytest

from lmkit.readers.captions.cues import Cue
from lmkit.readers.captions.rolling import without_repeated_lines


def shown(*cues: tuple[float, float, str]) -> list[str]:
    made = [Cue(start, end, lines.split("/")) for start, end, lines in cues]
    return [line for cue in without_repeated_lines(made) for line in cue.lines]


@pytest.mark.parametrize(("a", "b", "c", "d"), ["abcd", ("один", "два", "два", "три"), "東京大阪"])
def test_every_line_of_rolling_captions_stays_once(a: str, b: str, c: str, d: str) -> None:
    two = [(0, 3, a), (3, 6, f"{a}/{b}"), (6, 9, f"{b}/{c}"), (9, 12, f"{c}/{d}")]
    assert shown(*two) == [a, b, c, d]
    three = [(0, 3, f"{a}/{b}/{c}"), (3, 6, f"{b}/{c}/{d}"), (6, 9, f"{c}/{d}/e"), (9, 12, "f")]
    assert shown(*three) == [a, b, c, d, "e", "f"]
    moments = [(0, 3, a), (3, 3.01, a), (3.01, 6, f"{a}/{b}"), (6, 6.01, b), (6.01, 9, f"{b}/{d}")]
    assert shown(*moments) == [a, b, d]


def test_a_line_that_grows_is_one_line() -> None:
    assert shown((0, 1, "the"), (1, 2, "the lamp"), (2, 3, "the lamp is lit"), (3, 4, "Yes.")) == [
        "the",
        "lamp",
        "is lit",
        "Yes.",
    ]


@pytest.mark.parametrize(
    "cues",
    [
        [(0, 1, "No."), (1, 2, "No."), (2, 3, "No."), (3, 4, "Oh.")],
        [(0, 2, "la la/hey"), (2, 4, "la la/hey"), (4, 6, "la la/hey")],
        [(0, 2, "ラララ/ラララ"), (2, 4, "ラララ/ラララ"), (4, 6, "ラララ/ラララ"), (6, 7, "終")],
        [(0, 2, "Nein."), (2, 4, "Nein./Doch."), (4, 6, "Oh.")],  # one pair alone is chance
        [(0, 2, "a/b"), (9, 10, "b/c"), (20, 21, "c/d")],  # long after
    ],
)
def test_what_is_said_twice_stays(cues: list[tuple[float, float, str]]) -> None:
    assert shown(*cues) == [line for _, _, lines in cues for line in lines.split("/")]
