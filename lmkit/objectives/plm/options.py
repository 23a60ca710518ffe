"""What can be set for permutation language modelling."""

from typing import Annotated

from pydantic import Field

from lmkit.config import Group


class PlmConfig(Group):
    """Permutation language modelling."""

    context: Annotated[int, Field(ge=2)] = 6
    """One token in this many is predicted."""

    block: Annotated[int, Field(ge=2)] | None = None
    """Positions that share a permutation, with blocks in order from left to right; none: the whole
    sequence."""
