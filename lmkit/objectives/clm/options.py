"""What can be set for causal language modelling."""

from typing import Annotated

from pydantic import Field

from lmkit.config import Group


class FimConfig(Group):
    """Fill in the middle, for clm."""

    rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Fraction of the documents, of those whole in a sequence, whose middle is moved to their
    end."""

    spm_rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Fraction of those in suffix-prefix-middle order; the others are in prefix-suffix-middle
    order."""
