# ruff: noqa: E501, RUF001 (these scripts are intended)
"""Cues of files as they are in practice: counters, blank lines, damaged times."""

import pytest

from lmkit.readers.captions.cues import parse_cues


def lines_of(text: str) -> list[list[str]]:
    return [cue.lines for cue in parse_cues(text)[0]]


T = [f"00:00:0{n},000 --> 00:00:0{n},900" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A blank line inside a cue.
        (
            f"1\n{T[0]}\nΤο φως\n\nείναι αναμμένο.\n\n2\n{T[1]}\nΝαι.\n",
            [["Το φως", "είναι αναμμένο."], ["Ναι."]],
        ),
        # No blank lines between cues; counters that count on.
        (f"1\n{T[0]}\nодин\n2\n{T[1]}\nдва\n3\n{T[2]}\nтри", [["один"], ["два"], ["три"]]),
        # A number that is the text of a cue.
        (
            f"1\n{T[0]}\n2012\n\n2\n{T[1]}\nIt was in\n2013\n\n3\n{T[2]}\n3\n",
            [["2012"], ["It was in", "2013"], ["3"]],
        ),
        (f"1\n{T[0]}\n2012\n2\n{T[1]}\n7\n3\n{T[2]}\nx", [["2012"], ["7"], ["x"]]),
        # No counters at all, and a number as text.
        (f"{T[0]}\n一九八四\n{T[1]}\n1984\n{T[2]}\n年", [["一九八四"], ["1984"], ["年"]]),
        # Counters that aren't numbers.
        (
            f"a1\n{T[0]}\none\n\nscene-2\n{T[1]}\ntwo\n\n3.\n{T[2]}\nthree",
            [["one"], ["two"], ["three"]],
        ),
        # A blank line between counter and times.
        (f"1\n\n{T[0]}\none\n\n2\n\n{T[1]}\ntwo", [["one"], ["two"]]),
        # A byte-order mark in the middle, where files were joined, and CRLF.
        (f"\ufeff1\r\n{T[0]}\r\none\r\n\r\n\ufeff1\r\n{T[1]}\r\ntwo\r\n", [["one"], ["two"]]),
        # Hours of one digit, points, no milliseconds, blanks.
        ("0:00:01.5 --> 0:00:02\none\n\n00:03 --> 00:04,10 X1:1\ntwo", [["one"], ["two"]]),
        # Times that someone speaks of.
        (f"1\n{T[0]}\n{T[1]} is a time\n\n2\n{T[2]}  position:0% X1:5 \ntwo", [[f"{T[1]} is a time"], ["two"]]),
        # Damaged times without a blank line before.
        (f"1\n{T[0]}\none\n2\n00:00:O2,000 --> 00:00:03,0l0\ntwo", [["one"], ["two"]]),
    ],
)  # fmt: skip
def test_every_line_of_speech_and_no_counter_is_in_a_cue(
    text: str, expected: list[list[str]]
) -> None:
    assert lines_of(text) == expected


def test_blocks_of_webvtt_are_left_out_and_identifiers_are_no_text() -> None:
    text = (
        "WEBVTT - Vortrag\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:a\n\n"
        "NOTE two\nlines --> here\n\nfirst words\n00:01.000 --> 00:02.000 line:0\nΈνα\n\n"
        "NOTE\nlater\n\n00:03.000 --> 00:04.000\nNOTES are text\nNOTE is text here\n"
    )
    assert lines_of(text) == [["Ένα"], ["NOTES are text", "NOTE is text here"]]


def test_text_before_the_first_cue_is_returned() -> None:
    assert parse_cues(f"Untertitel von Anna\n\n1\n{T[0]}\nJa.")[1] == "Untertitel von Anna"
    assert parse_cues(f"\n\n1\n{T[0]}\nJa.")[1] == ""
