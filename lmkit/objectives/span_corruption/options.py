"""What can be set for span corruption."""

from typing import Annotated, Literal

from pydantic import Field

from lmkit.config import Group


class SpanConfig(Group):
    """Span corruption."""

    style: Literal["t5", "bart"] = "t5"
    """t5: a sentinel for each masked span, and the decoder predicts the spans. bart: a mask for
    each span, and the decoder predicts the whole text."""

    noise_density: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Fraction of the text that is masked; none: 0.15 for t5, 0.3 for bart."""

    mean_span_length: Annotated[float, Field(ge=1, le=64)] = 3.0
    """Mean tokens in a masked span."""

    @property
    def resolved_noise_density(self) -> float:
        """The noise density, or the default of the style where none is given."""
        return self.noise_density or {"t5": 0.15, "bart": 0.3}[self.style]
