"""What can be set for masked language modelling."""

from typing import Annotated

from pydantic import Field

from lmkit.config import Group


class MlmConfig(Group):
    """Masked language modelling."""

    probability: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Fraction of the text that is predicted: 80% masked, 10% replaced, 10% unchanged."""

    whole_word: bool = False
    """Mask whole words instead of tokens."""
