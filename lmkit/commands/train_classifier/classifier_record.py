"""What the manifest of a classifier records in its `details`."""

from lmkit.artifacts.manifest import Details


class Threshold(Details):
    """What a minimum score keeps, as fractions of the documents that were held out."""

    score: float
    good_kept: float
    ordinary_kept: float


class ClassifierRecord(Details):
    """How well a classifier separates documents that it never saw."""

    documents: int
    """That it was trained and measured on."""
    auc: float
    """Area under the curve of true and false positives."""
    trained_on: dict[str, int]
    """Documents by kind."""
    held_out: dict[str, int]
    thresholds: tuple[Threshold, ...]
