"""No text that a stranger wrote takes more than linear time, whatever it is made of.

`tests/benchmarks/linear_time.py` prints the times at 50, 100 and 200 kB.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fuzzing.durations import slows_down
from tests.fuzzing.text_readers import FILES, FUNCTIONS, read
from tests.fuzzing.worst_inputs import compiled_patterns, how_it_is_used, inputs_for, texts

SIZE = 10_000
MOST = 2.5
"""Times as long for twice the input: linear work with the noise of a busy machine."""
PATTERN_SIZE = 2_000
"""There are 15,000 inputs for patterns; what is quadratic takes long at this size, too."""
PATTERN_FLOOR = 0.01
"""Seconds: a pattern that is linear reads 10,000 characters in a millisecond."""
PATTERN_MOST = 3.2
"""Twice is linear and four times quadratic; these times are short, and so noisier."""
BOUNDED = {
    "lmkit.text.line_end_hyphens.BEFORE": "reads the last few characters of a line",
    "lmkit.readers.http_response:196:match+partition+strip": "begins at one offset, never searches",
}
READER_FLOOR = 0.5
ONLY_AT_THE_START = {"match", "fullmatch", "pattern", "flags", "groups"}


def searching(pattern: re.Pattern[Any], name: str) -> Callable[[Any], object]:
    """Return what a pattern does: search all of a text, or only at its start."""
    used = how_it_is_used(name)
    if used and used <= ONLY_AT_THE_START:
        return lambda text: (pattern.match(text), pattern.fullmatch(text))
    return lambda text: sum(1 for _ in pattern.finditer(text))


def test_every_pattern_searches_in_linear_time() -> None:
    patterns = compiled_patterns()
    assert len(patterns) > 150
    slow: list[str] = []
    for name, pattern in patterns.items():
        work = searching(pattern, name)
        size = PATTERN_SIZE
        large, small = inputs_for(pattern, size), inputs_for(pattern, size // 2)
        for (unit, text), (_, half) in zip(large, small, strict=True):
            of_size = {size: text, size // 2: half}
            factor = slows_down(
                lambda size, of=of_size, do=work: lambda: do(of[size]), size, PATTERN_FLOOR
            )
            if factor > PATTERN_MOST and name not in BOUNDED:
                slow.append(f"{name}: {factor:.1f} times as long on {unit}")
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_every_step_on_a_text_takes_linear_time(kind: str) -> None:
    work = FUNCTIONS[kind]
    assert not slow_texts(lambda text: lambda: work(text))


@pytest.mark.parametrize("kind", FILES)
def test_every_reader_takes_linear_time(kind: str, tmp_path: Path) -> None:
    assert not slow_texts(lambda text: lambda: read(kind, text, tmp_path))


def slow_texts(make: Callable[[str], Callable[[], object]]) -> list[str]:
    """Return the texts that take much longer when there is twice as much of them."""
    halves = dict(texts(SIZE // 2))
    slow: list[str] = []
    for unit, text in texts(SIZE):
        of_size = {SIZE: text, SIZE // 2: halves[unit]}
        factor = slows_down(lambda size, of=of_size: make(of[size]), SIZE, READER_FLOOR)
        if factor > MOST:
            slow.append(f"{factor:.1f} times as long on {unit}")
    return slow
