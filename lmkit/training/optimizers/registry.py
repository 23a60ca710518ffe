"""The registry of optimizers: their names, and what is checked before any work.

Choices:
- An optimizer is a file of this folder, with a function or a class that makes it, and an entry
  here. It is called with torch's parameter groups, in which matrices have a weight decay, and with
  the options of `--optim` that its entry lists.
- Nothing here imports torch, since options are read by `lmkit pretrain --help`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Algorithm:
    """An optimizer, as far as it is known without torch."""

    path: str
    """Its file, and what makes it, such as `muon.Muon`."""
    options: tuple[str, ...]
    """The options of `--optim` that it uses, besides the weight decay."""
    only_block_matrices: bool = False
    """Whether it updates only the matrices inside blocks; adamw updates the rest."""
    needs_full_matrices: bool = False
    """Whether an update of a number depends on its whole matrix; where processes have parts of it,
    it is gathered for the update."""
    moments: int = 2
    """How many numbers it keeps for each number that it updates."""
    lr_factor: float = 0.7
    """Its best learning rate, as a multiple of that of `learning_rate_rule`."""
    multiplies_matrices: bool = False
    """Whether it takes the precision in which it does so, as `products`."""
    reads_found_inf: bool = False
    """Whether its kernel skips a step where `found_inf` is 1, as a loss scaler sets it; else a GPU
    waits for the norm of the gradient at each step."""

    def load(self) -> Any:
        """Import what makes it."""
        module, _, name = self.path.partition(".")
        return getattr(import_module(f"{__package__}.{module}"), name)


ALGORITHMS: Mapping[str, Algorithm] = {
    "adamw": Algorithm("adamw.adamw", ("lr", "beta1", "beta2", "eps"), reads_found_inf=True),
    "muon": Algorithm(
        "muon.Muon",
        ("lr", "momentum"),
        only_block_matrices=True,
        needs_full_matrices=True,
        multiplies_matrices=True,
        moments=1,
        lr_factor=1.7,
    ),
}
REST = "adamw"
"""What updates the parameters that another one doesn't."""
