"""What can be set for `lmkit dedup`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from lmkit.artifacts.options import DOCUMENT_FILES, LabelsDocuments, ReadsRecords, WritesShards
from lmkit.config import StageConfig
from lmkit.deduplication.options import (
    DecontaminationConfig,
    KeepConfig,
    MinHashConfig,
    RepeatsConfig,
)


class DedupConfig(LabelsDocuments, ReadsRecords, WritesShards, StageConfig):
    """Keep one of all documents that have the same text, or nearly the same."""

    stage = "dedup"
    output_patterns = (*DOCUMENT_FILES, r"(duplicates|cuts|contamination)-\d{5,}\.jsonl\.zst")
    location_options = StageConfig.location_options | {"decontamination.against"}

    decontamination: DecontaminationConfig = DecontaminationConfig()

    url: Literal["drop"] | None = None
    """Drop all but one of the documents with the same URL, as far as they have one."""

    keep: KeepConfig = KeepConfig()

    minhash: MinHashConfig = MinHashConfig()

    repeats: RepeatsConfig = RepeatsConfig()

    index: Path | None = None
    """Crawl index: a folder with what is known of earlier crawls. Their documents are kept before
    any of these; what is kept of these is added."""

    @model_validator(mode="after")
    def _index_holds_full_texts_only(self) -> "DedupConfig":
        other = "--url" if self.url else "--repeats" if self.repeats.chosen else None
        if self.index and other:
            raise ValueError(
                f"--index: compares copies of full documents, and can't be used with {other}; "
                "run dedup twice, once with each"
            )
        return self

    @property
    def compared(self) -> dict[str, Any]:
        """The options that must be the same for all that is compared."""
        if not self.minhash.action:
            return {"minhash.action": None}
        names = ("min_similarity", "bands", "rows")
        return {f"minhash.{name}": getattr(self.minhash, name) for name in names}
