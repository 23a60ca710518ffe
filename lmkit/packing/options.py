"""The limits beyond which packed text is refused."""

from typing import Annotated

from pydantic import Field

from lmkit.config import Group

Share = Annotated[float | None, Field(ge=0, le=1)]
Bits = Annotated[float | None, Field(ge=0)]


class LimitsConfig(Group):
    """what is refused, since no text looks so; they change no result."""

    unknown_share: Share = 0.5
    """Largest share of unknown tokens in a source."""

    min_entropy: Bits = 1.5
    """Least bits a token, by how often each occurs in a document; in steps of 0.1."""

    max_entropy: Bits = 6.3
    """Most bits a byte of text, by the same count; in steps of 0.1."""

    odd_share: Share = 0.1
    """Largest share of a source that may lie beyond these two, or not decode to its text."""

    decode_sample: Share = 0.01
    """Share of the documents to decode again and compare with their text."""
