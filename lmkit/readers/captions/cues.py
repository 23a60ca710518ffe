"""The cues of SubRip and WebVTT files, as they are in practice.

WebVTT: https://www.w3.org/TR/webvtt1/; SubRip has no standard.

Choices:
- A line of times (and settings) begins a cue wherever it stands, with or without a blank line,
  counter or identifier before it. If the times are damaged, the text is kept: times only show
  pauses.
- A blank line ends no cue: text after it, up to the next cue, belongs to it. Notes, styles and
  regions of WebVTT are left out.
- A number before a line of times is its counter, and so is one word after a blank line. Directly
  after text, a number is a counter if it counts on; anywhere else it is text.
- Text before the first cue of a SubRip file belongs to none: it is returned as such.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[ ]?[.,:][ ]?(\d{1,3}))?"
TIMES = re.compile(rf"[ \t]*{TIME}[ \t]*--?>[ \t]*{TIME}(?:[ \t]++[^\s:]+:\S+)*+[ \t]*")
# Damaged times: only what times are made of on both sides of an arrow, wherever the line stands; or
# less than that where only times can be, after a blank line and perhaps a number.
DAMAGED = re.compile(
    r"[ \t]*[\dOolIx.,; \t]{0,9}:[\dOolIx:.,; \t]{0,20}-{1,3}>[\dOolIx:.,; \t]{0,20}\d"
    r"[\dOolIx:.,; \t]{0,20}"
)
AFTER_NUMBER = re.compile(r"[^\n]{0,80}->|[^\n]{0,40}\d:\d\d[^\n]{0,40}\d:\d\d")
AFTER_BLANK = re.compile(r"[^\n]{0,40}\d:\d[^\n]{0,40}-->|[^\n]{0,40}-->[^\n]{0,40}\d:\d")
NUMBER = re.compile(r"[ \t]*#?(\d{1,9})[.:)]?[ \t]*")
WORD = re.compile(r"[ \t]*[^\s.!?,;\u2026\u3002\uff01\uff1f]{1,40}[.:)]?[ \t]*")
LEFT_OUT = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t:]|\Z)")


@dataclass
class Cue:
    """Lines that are shown together; times in seconds, None if they are damaged."""

    start: float | None
    end: float | None
    lines: list[str] = field(default_factory=list[str])


def parse_cues(text: str) -> tuple[list[Cue], str]:
    r"""Return the cues of a file, and the text that belongs to none.

    >>> parse_cues("1\n00:01.000 --> 00:02.000\nWe were\n2\n00:03.000 --> 00:04.000\nhere.")[0][1]
    Cue(start=3.0, end=4.0, lines=['here.'])
    """
    lines = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff")).split("\n")
    lines = [line.lstrip("\ufeff") for line in lines]
    is_vtt = lines[0].startswith("WEBVTT")
    heads = list(_heads(lines))
    cues: list[Cue] = []
    counter: int | None = None
    starts: list[int] = []
    for number, head in enumerate(heads):
        since = heads[number - 1] + 1 if number else 0
        start, counted = _start(lines, since, head, counter, is_vtt=is_vtt)
        counter = counted if counted is not None else counter
        starts.append(start)
        times = TIMES.fullmatch(lines[head])
        parts = times.groups() if times else ()
        cues.append(Cue(_seconds(parts[:4]), _seconds(parts[4:])) if times else Cue(None, None))
    for number, cue in enumerate(cues):
        following = starts[number + 1] if number + 1 < len(cues) else len(lines)
        cue.lines = list(_body(lines[heads[number] + 1 : following], is_vtt=is_vtt))
    before = [] if is_vtt or not starts else lines[: starts[0]]
    return cues, "\n".join(before).strip()


def _heads(lines: list[str]) -> Iterator[int]:
    """Yield the indexes of the lines of times."""
    left_out = False
    for index, line in enumerate(lines):
        is_start = index == 0 or not lines[index - 1].strip()
        if is_start:
            left_out = LEFT_OUT.match(line) is not None
        if left_out:
            continue
        if "->" not in line and ":" not in line:
            continue
        is_numbered = (
            index > 0
            and NUMBER.fullmatch(lines[index - 1]) is not None
            and (index == 1 or not lines[index - 2].strip())
        )
        if (
            TIMES.fullmatch(line)
            or DAMAGED.fullmatch(line)
            or (is_start and AFTER_BLANK.match(line))
            or (is_numbered and AFTER_NUMBER.match(line))
        ):
            yield index


def _start(
    lines: list[str], since: int, head: int, last: int | None, *, is_vtt: bool
) -> tuple[int, int | None]:
    """Return the index where a cue begins, with its counter or identifier, and the counter."""
    index = head - 1
    blank_after = False
    while index >= since and not lines[index].strip():
        index, blank_after = index - 1, True
    if index < since:
        return head, None
    number = NUMBER.fullmatch(lines[index])
    is_apart = index == 0 or not lines[index - 1].strip()
    if number:
        value = int(number[1])
        counts_on = value == (0 if last is None else last) + 1
        is_counter = counts_on if blank_after else is_apart or counts_on
        if last is None and index == 0:
            is_counter = True
        return (index, value) if is_counter else (head, None)
    if blank_after or not is_apart:
        return head, None
    is_identifier = is_vtt or (WORD.fullmatch(lines[index]) is not None)
    return (index if is_identifier else head), None


def _body(lines: list[str], *, is_vtt: bool) -> Iterator[str]:
    """Yield the lines of a cue's text."""
    left_out = False
    for index, line in enumerate(lines):
        is_blank = not line.strip()
        if is_vtt and (is_blank or index == 0 or not lines[index - 1].strip()):
            left_out = index > 0 and LEFT_OUT.match(line) is not None
        if not is_blank and not left_out:
            yield line


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in parts)
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000
