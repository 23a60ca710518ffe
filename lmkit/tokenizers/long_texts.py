"""Texts too long to be encoded at once: the tokenizer needs about a hundred bytes per token.

Choices:
- A long text is encoded in parts, split where that changes no token. This is tested at every split
  point: the text around it must have the same tokens in one piece and in two. So it holds for every
  kind of tokenizer, including those that add a space before a text.
- Split points before a space or after a line break are tried. If none works, the part grows.
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lmkit.tokenizers.tokenizer import Tokenizer

PART = 1_000_000
"""Characters to encode at a time."""

CONTEXT = 200
"""Characters on both sides of a split point to compare."""

MAX_ATTEMPTS = 100
SPLIT_POINTS = re.compile(r"(?<=\n)(?=\S)|(?<=\S)(?= \w)")


def encode(tokenizer: Tokenizer, text: str, part: int = PART) -> NDArray[np.uint32]:
    """Return the tokens of a text, the same as if it were encoded at once."""
    return np.concatenate([tokenizer.encode(text[a:b]) for a, b in parts(tokenizer, text, part)])


def parts(tokenizer: Tokenizer, text: str, part: int = PART) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of the parts of a text."""
    start = 0
    while start < len(text):
        stop = _next_split(tokenizer, text, start + part) if start + 2 * part < len(text) else None
        yield start, stop or len(text)
        start = stop or len(text)


def _next_split(tokenizer: Tokenizer, text: str, start: int) -> int | None:
    """Return the first index from `start` on where a split changes no token."""
    found = SPLIT_POINTS.finditer(text, start)
    for match, _ in zip(found, range(MAX_ATTEMPTS), strict=False):
        index = match.start()
        left, right = text[index - CONTEXT : index], text[index : index + CONTEXT]
        joined, one, two = tokenizer.encode_batch([left + right, left, right])
        if np.array_equal(joined, np.concatenate([one, two])):
            return index
    return None
