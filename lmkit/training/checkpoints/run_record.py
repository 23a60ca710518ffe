"""What the manifest of a finished run records in its `details`.

Choice: keys that earlier runs don't have, or that this version doesn't know, are no error: the
model of such a run is still exported.
"""

from pydantic import ConfigDict

from lmkit.artifacts.manifest import Details, Record


class FolderReads(Record):
    """A packed folder of a run, and how much of it was read."""

    folder: str
    share_of_tokens: float
    """Of the tokens that the run reads."""
    rows: int
    """Its sequences."""
    rows_read: int
    epochs: float
    validation_loss: float | None = None
    """On its held-out sequences, if it has some."""


class AverageRecord(Record):
    """The mean of the weights of the last checkpoints."""

    steps: tuple[int, ...]
    """Of the checkpoints."""
    validation_loss: float | None = None


class RunRecord(Details):
    """The results of a run."""

    model_config = ConfigDict(extra="ignore")

    parameters: int
    loss: float | None
    """Of the last step; None if it isn't finite."""
    validation_loss: float | None
    """On the held-out sequences of all folders."""
    peak_lr: float | None = None
    """The peak learning rate, as typed or as `auto` determined it."""
    skipped_steps: int = 0
    dropped_tokens: int = 0
    device: str
    precision: str
    compiled: bool = False
    processes: int
    average: AverageRecord | None = None
    mixture: tuple[FolderReads, ...] = ()
