"""Texts too long to be encoded at once: the tokenizer keeps some hundred bytes for each token.

Choices:
- A long text is encoded in parts, cut where that changes no token. Whether it does is asked at each
  place: the text around it must have the same tokens whole and in two. So it holds for every kind
  of tokenizer, those that put a blank in front of a text among them.
- Places before a blank or behind the end of a line are tried. Where none will do the part grows.
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lmkit.tokenizers.tokenizer import Tokenizer

PART = 1_000_000
"""Characters to encode at a time."""

AROUND = 200
"""Characters on each side of a cut to look at."""

TRIED = 100
PLACES = re.compile(r"(?<=\n)(?=\S)|(?<=\S)(?= \w)")


def encode(tokenizer: Tokenizer, text: str, part: int = PART) -> NDArray[np.uint32]:
    """Return the tokens of a text, as the tokenizer would give them at once."""
    return np.concatenate([tokenizer.encode(text[a:b]) for a, b in parts(tokenizer, text, part)])


def parts(tokenizer: Tokenizer, text: str, part: int = PART) -> Iterator[tuple[int, int]]:
    """Yield where each part of a text begins and ends."""
    start = 0
    while start < len(text):
        stop = _next_cut(tokenizer, text, start + part) if start + 2 * part < len(text) else None
        yield start, stop or len(text)
        start = stop or len(text)


def _next_cut(tokenizer: Tokenizer, text: str, place: int) -> int | None:
    """Find a place from `place` on where a cut changes no token."""
    found = PLACES.finditer(text, place)
    for match, _ in zip(found, range(TRIED), strict=False):
        cut = match.start()
        left, right = text[cut - AROUND : cut], text[cut : cut + AROUND]
        whole, one, two = tokenizer.encode_batch([left + right, left, right])
        if np.array_equal(whole, np.concatenate([one, two])):
            return cut
    return None
