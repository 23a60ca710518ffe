"""Captions that roll: a cue repeats the last lines of the one before, and adds one.

Automatic and live captions are shown so, and files made from them hold every line two or three
times.

Choices:
- Cues roll if one follows on the other, begins with its last lines (or with its last line,
  continued) and adds something, or is shown for a moment only; and if that happens twice in a row.
- So what a person says twice stays: a cue that is the same as the one before adds nothing, and one
  pair of cues may be chance.
"""

from itertools import pairwise

from lmkit.readers.captions.cues import Cue

LONGEST_GAP = 1.0
MOST_LINES = 8
MOMENT = 0.05
"""Seconds: automatic captions have a cue of 10 ms where a line moves up."""


def without_repeated_lines(cues: list[Cue]) -> list[Cue]:
    """Return the cues with each line once.

    >>> cues = [Cue(0, 1, ["a"]), Cue(1, 2, ["a", "b"]), Cue(2, 3, ["b", "c"])]
    >>> [cue.lines for cue in without_repeated_lines(cues)]
    [['a'], ['b'], ['c']]
    """
    cues = [cue for cue in cues if cue.lines]
    overlaps = [0] + [_overlap(*pair) for pair in pairwise(cues)]
    found: list[Cue] = []
    for index, cue in enumerate(cues):
        rolls = overlaps[index] > 0 and (
            overlaps[index - 1] > 0 or (index + 1 < len(cues) and overlaps[index + 1] > 0)
        )
        if not rolls:
            found.append(cue)
            continue
        count = overlaps[index]
        last, line = cues[index - 1].lines[-1], cue.lines[count - 1]
        grown = line[len(last) :].strip()  # a line that the cue continues
        lines = [grown, *cue.lines[count:]] if grown else cue.lines[count:]
        found.append(Cue(cue.start, cue.end, lines))
    return found


def _overlap(cue: Cue, following: Cue) -> int:
    """Return how many of the first lines of a cue are the last ones of the cue before."""
    if not _follows(cue, following):
        return 0
    is_moment = any(
        one.start is not None and one.end is not None and one.end - one.start <= MOMENT
        for one in (cue, following)
    )
    if cue.lines == following.lines and not is_moment:
        return 0
    for count in range(min(len(cue.lines), len(following.lines), MOST_LINES), 0, -1):
        end, start = cue.lines[-count:], following.lines[:count]
        adds = len(following.lines) > count or is_moment
        if end == start and adds:
            return count
        grown = start[-1].startswith(end[-1]) and start[-1] != end[-1]
        if grown and end[:-1] == start[:-1] and not start[-1][len(end[-1])].isalpha():
            return count
    return 0


def _follows(cue: Cue, following: Cue) -> bool:
    """Return whether a cue begins while the one before is shown, or soon after."""
    if cue.start is None or cue.end is None or following.start is None:
        return True
    return cue.start <= following.start <= cue.end + LONGEST_GAP
