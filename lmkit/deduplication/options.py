"""Options of deduplication: what is compared, and which document is kept."""

from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, model_validator

from lmkit.artifacts.options import ReadsRecords
from lmkit.config import Group, split_commas


class DecontaminationConfig(Group):
    """What happens to documents that contain items of test sets."""

    against: tuple[Path, ...] = ()
    """Test sets to search for: JSON lines files or folders of them; may be given many times."""

    action: Literal["drop", "cut", "report"] = "drop"
    """Drop the documents, cut the lines that overlap an item, or only report what was found."""

    ngram: Annotated[int, Field(ge=2)] = 13
    """Words in a row that a document must share with an item; of a shorter item, all."""


class KeepConfig(Group):
    """Which of several duplicates is kept."""

    rule: Literal["first", "longest", "largest", "smallest"] = "first"
    """The one with the smallest source and id; with the most characters; with the largest or
    smallest value of `--keep.field`. first decides between equals."""

    field: str | None = None
    """Field to compare: a number or a string, such as `metadata.score` or `metadata.date`."""

    sources: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = ()
    """Preferred sources, best first (a,b); they go before the rule, and before any other source."""

    @model_validator(mode="after")
    def _field_needs_rule(self) -> "KeepConfig":
        by_value = self.rule in {"largest", "smallest"}
        if by_value and not self.field:
            raise ValueError(f"--keep.rule: {self.rule} needs --keep.field, the field to compare")
        if self.field and not by_value:
            raise ValueError(
                f"--keep.field: got {self.field}, but --keep.rule is {self.rule}: "
                "must be largest or smallest"
            )
        return self


class MinHashConfig(Group):
    """What happens to near-duplicates, found by MinHash and verified by Jaccard similarity."""

    action: Literal["drop", "label"] | None = "drop"
    """Drop all but one document of a cluster, or label them in `metadata.cluster`; none: skip."""

    min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Lowest Jaccard similarity, over 5-word shingles, of two near-duplicates."""

    threshold: Annotated[float | None, Field(gt=0, le=1)] = None
    """Sets `--minhash.min-similarity` to this value, and chooses the bands and rows that catch 95
    of 100 pairs with this similarity."""

    bands: Annotated[int, Field(ge=1, le=1000)] = 14
    """LSH bands: more bands find more pairs of lower similarity."""

    rows: Annotated[int, Field(ge=1, le=100)] = 8
    """MinHash rows per band: more rows propose fewer pairs of lower similarity."""

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
    def _threshold_sets_bands_and_rows(self) -> "MinHashConfig":
        if self.threshold is not None:
            chosen = zip(("bands", "rows"), bands_and_rows(self.threshold), strict=True)
            for name, expected in chosen:
                if (got := getattr(self, name)) != expected:
                    raise ValueError(
                        f"--minhash.{name}: got {got}, but --minhash.threshold {self.threshold} "
                        f"chooses {expected}: must be one or the other"
                    )
        return self


Words = Annotated[int, Field(ge=1)]


class RepeatsConfig(Group):
    """Which repeated spans are cut out of documents; the first occurrence is kept."""

    lines: Words | None = None
    """Cut repeated lines of at least this many words; none: keep them."""

    paragraphs: Words | None = None
    """Cut repeated paragraphs, between blank lines, of at least this many words; none: keep
    them."""

    passages: Words | None = None
    """Cut repeated passages of at least this many words, wherever they begin; none: keep them."""

    @property
    def chosen(self) -> dict[str, int]:
        """Return the minimum number of words for each kind of span that is cut."""
        kinds = {"lines": self.lines, "paragraphs": self.paragraphs, "passages": self.passages}
        return {kind: words for kind, words in kinds.items() if words}


class MatchOptions(ReadsRecords):
    """What documents are compared by, and which of several duplicates is kept."""

    decontamination: DecontaminationConfig = DecontaminationConfig()

    url: Literal["drop"] | None = None
    """Drop all but one of the documents with the same URL, as far as they have one."""

    keep: KeepConfig = KeepConfig()

    minhash: MinHashConfig = MinHashConfig()

    repeats: RepeatsConfig = RepeatsConfig()


PERMUTATIONS = 112
CAUGHT = 0.95


def candidate_probability(similarity: float, bands: int, rows: int) -> float:
    """Return the probability that two documents of a similarity share a band: the LSH S-curve.

    The figure that FineWeb gives for its 14 x 8, at 0.85 (arXiv 2406.17557, section 3.4):

    >>> round(candidate_probability(0.85, 14, 8), 3)
    0.988
    """
    return 1 - (1 - similarity**rows) ** bands


def bands_and_rows(threshold: float) -> tuple[int, int]:
    """Return the bands and rows that find 95 of 100 pairs of a similarity.

    >>> bands_and_rows(0.8), bands_and_rows(0.5)
    ((16, 7), (37, 3))
    """
    enough = (
        (PERMUTATIONS // rows, rows)
        for rows in range(PERMUTATIONS, 1, -1)
        if candidate_probability(threshold, PERMUTATIONS // rows, rows) >= CAUGHT
    )
    return next(enough, (PERMUTATIONS, 1))
