"""The sanity limits of packing."""

from typing import Annotated

from pydantic import Field

from lmkit.config import Group

LONGEST_SEQUENCE = 1 << 24
"""Tokens of a sequence: rows are padded to it, so a batch needs memory for all of it."""
Fraction = Annotated[float | None, Field(ge=0, le=1)]
Bits = Annotated[float | None, Field(ge=0)]


class LimitsConfig(Group):
    """When packing is refused, since no text has such tokens; they change no result."""

    unknown_fraction: Fraction = 0.5
    """Largest fraction of unknown tokens in a source."""

    min_entropy: Bits = 1.5
    """Lowest entropy of a document, in bits per token; in steps of 0.1."""

    max_entropy: Bits = 6.3
    """Highest entropy of a document, in bits per byte of text; in steps of 0.1."""

    odd_fraction: Fraction = 0.1
    """Largest fraction of a source that may lie beyond these two, or not decode to its text."""

    decode_sample: Fraction = 0.01
    """Fraction of the documents to decode again and compare with their text."""
