"""Options of deduplication: what is compared, and which document is kept."""

from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, model_validator

from lmkit.config import Group, split_commas


class Contamination(Group):
    """What to do with documents that hold items of the test sets that --against names."""

    action: Literal["drop", "cut", "report"] = "drop"
    """Drop them, cut the lines that an item touches, or only report which item was found where."""

    words: Annotated[int, Field(ge=2)] = 13
    """Words in a row that a document must share with an item; of a shorter item, all."""


class Keep(Group):
    """Which of several documents stays, where all but one go."""

    rule: Literal["first", "longest", "largest", "smallest"] = "first"
    """That with the smallest source and id; with most characters; with the largest or smallest
    value of `--keep.field`. The former decides between equals."""

    field: str | None = None
    """Where the value is found: a number or a text, as `metadata.score` or `metadata.date`."""

    sources: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = ()
    """Sources, the preferred ones first (a,b); they go before the rule, and before any other."""

    @model_validator(mode="after")
    def _field_goes_with_rule(self) -> "Keep":
        wanted = self.rule in {"largest", "smallest"}
        if wanted and not self.field:
            raise ValueError(f"--keep.rule: {self.rule} needs --keep.field, the field to compare")
        if self.field and not wanted:
            raise ValueError(
                f"--keep.field: got {self.field}, but --keep.rule is {self.rule}: "
                "must be largest or smallest"
            )
        return self


class Near(Group):
    """What to do with documents that are nearly the same."""

    action: Literal["drop", "mark"] | None = "drop"
    """Drop all but one, or mark them as a cluster in `metadata.cluster`; with none, don't look."""

    min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Least share of five-word shingles that two documents must have in common (Jaccard)."""

    threshold: Annotated[float | None, Field(gt=0, le=1)] = None
    """Choose all three for documents that are at least this similar: `--near.min-similarity` is
    the same, and bands and rows are those that catch 95 of 100 that are just so similar."""

    bands: Annotated[int, Field(ge=1, le=1000)] = 14
    """Bands of MinHash: more of them find more pairs that are less alike."""

    rows: Annotated[int, Field(ge=1, le=100)] = 8
    """Rows of a band: more of them propose fewer pairs that are less alike."""

    @model_validator(mode="before")
    @classmethod
    def _choose_by_threshold(cls, values: Any) -> Any:
        table = dict(cast(dict[str, Any], values)) if isinstance(values, dict) else {}
        try:
            threshold = float(table["threshold"])
        except (KeyError, TypeError, ValueError):
            return values
        if 0 < threshold <= 1:
            bands, rows = bands_and_rows(threshold)
            return {"min_similarity": threshold, "bands": bands, "rows": rows} | table
        return values

    @model_validator(mode="after")
    def _threshold_goes_alone(self) -> "Near":
        if self.threshold is not None:
            for name, wanted in zip(("bands", "rows"), bands_and_rows(self.threshold), strict=True):
                if (got := getattr(self, name)) != wanted:
                    raise ValueError(
                        f"--near.{name}: got {got}, but --near.threshold {self.threshold} chooses "
                        f"{wanted}: must be one or the other"
                    )
        return self


Words = Annotated[int, Field(ge=1)]


class Inside(Group):
    """What to cut where it repeats inside documents; the first occurrence stays."""

    lines: Words | None = None
    """Cut lines of at least so many words that stood before; with none, leave them."""

    paragraphs: Words | None = None
    """Cut paragraphs, between blank lines, of at least so many words that stood before."""

    passages: Words | None = None
    """Cut passages of at least so many words that stood before, wherever they begin."""

    @property
    def chosen(self) -> dict[str, int]:
        """Return the least number of words of each kind that is cut."""
        kinds = {"lines": self.lines, "paragraphs": self.paragraphs, "passages": self.passages}
        return {kind: words for kind, words in kinds.items() if words}


NUMBERS = 112
CAUGHT = 0.95


def catch_probability(similarity: float, bands: int, rows: int) -> float:
    """Return the odds that two documents of a similarity share a band.

    The figure that FineWeb gives for its 14 x 8, at 0.85 (arXiv 2406.17557, section 3.4):

    >>> round(catch_probability(0.85, 14, 8), 3)
    0.988
    """
    return 1 - (1 - similarity**rows) ** bands


def bands_and_rows(threshold: float) -> tuple[int, int]:
    """Return what catches documents of a similarity.

    >>> bands_and_rows(0.8), bands_and_rows(0.5)
    ((16, 7), (37, 3))
    """
    enough = (
        (NUMBERS // rows, rows)
        for rows in range(NUMBERS, 1, -1)
        if catch_probability(threshold, NUMBERS // rows, rows) >= CAUGHT
    )
    return next(enough, (NUMBERS, 1))
