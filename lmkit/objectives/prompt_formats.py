"""What a prompt of each objective looks like to the model that learned it.

Choice: an objective describes the format, and `generation` generates in it. So an objective names
no function of a layer above, and one with a format of another needs no line there.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Continuation:
    """BOS and the prompt, which the model continues.

    With `middle`, a suffix may be given too: in prefix-suffix-middle order, or with the suffix
    first.
    """

    middle: Literal["psm", "spm"] | None = None


@dataclass(frozen=True)
class Masks:
    """BOS, the prompt and EOS; each mask is one token, which the model fills."""

    two_streams: bool = False
    """Whether a filled position has a query of its own, as in XLNet."""


@dataclass(frozen=True)
class MaskedSpans:
    """A source with masked spans, and a target that the model writes."""

    style: Literal["t5", "bart"]
    """t5: a sentinel for each span in the source, the spans in the target. bart: a mask for each
    span, and the whole text."""
    source_length: int
    """Most tokens of a source in training."""
    target_length: int


PromptFormat = Continuation | Masks | MaskedSpans
