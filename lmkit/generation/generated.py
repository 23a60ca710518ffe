"""What was generated: the record that a command prints, and its parts."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["continuation", "middle", "masks", "spans", "whole"]
FinishReason = Literal["eos", "stop", "length", "filled"]
"""Why a text ended: the model's EOS, a stop text, the most tokens, or no mask was left."""


@dataclass(frozen=True)
class Piece:
    """A token, as it is in the vocabulary, and its probability when it was sampled."""

    token: str
    probability: float


@dataclass(frozen=True)
class Alternative(Piece):
    """A token that a mask may be filled with, and its probability there."""

    text: str
    """What stands in the text then, with the space before it that belongs to it."""


@dataclass(frozen=True)
class Span:
    """One span that the model generated."""

    text: str
    probability: float
    """The product over its pieces, and over the tokens that ended it."""
    pieces: tuple[Piece, ...]
    alternatives: tuple[Alternative, ...] = ()
    """The most likely tokens at a mask when it was filled, the likeliest first."""


@dataclass(frozen=True)
class Generated:
    """A text, and the parts of it that the model generated."""

    kind: Kind
    text: str
    finish_reason: FinishReason
    spans: tuple[Span, ...]

    @property
    def ended(self) -> bool:
        """Whether the model ended the text itself."""
        return self.finish_reason in {"eos", "filled"}

    @property
    def tokens(self) -> int:
        """How many tokens the spans have."""
        return sum(len(span.pieces) for span in self.spans)

    def to_json(self) -> dict[str, Any]:
        """Return the values for --json."""
        return {
            "kind": self.kind,
            "text": self.text,
            "generated": None if self.kind in {"masks", "spans"} else self.spans[0].text,
            "ended": self.ended,
            "finish_reason": self.finish_reason,
            "tokens": self.tokens,
            "spans": [asdict(span) for span in self.spans],
        }
