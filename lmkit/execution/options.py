"""Options of every command that computes with a model."""

from typing import Literal

from lmkit.config import Group


class ComputesOn(Group):
    """The device of a model."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device to compute on; auto: a GPU if there is one."""
