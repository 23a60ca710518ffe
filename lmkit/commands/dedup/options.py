"""What can be set for `lmkit dedup`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lmkit.artifacts.options import DOCUMENT_FILES, RANGE_BYTES
from lmkit.config import StageConfig
from lmkit.deduplication.options import Contamination, Inside, Keep, Near


class DedupConfig(StageConfig):
    """Keep one of all documents that have the same text, or nearly the same."""

    stage = "dedup"
    owns = (*DOCUMENT_FILES, r"(duplicates|cuts|contamination)-\d{5,}\.jsonl\.zst")
    places = StageConfig.places | {"against"}

    source: str | None = None
    """Label for all documents; without it, each keeps its own."""

    against: tuple[Path, ...] = ()
    """Test sets to look for: files of JSON lines or folders of them; may be given many times."""

    contamination: Contamination = Contamination()

    url: Literal["drop"] | None = None
    """Drop all but one of the documents with the same address, as far as they have one."""

    keep: Keep = Keep()

    near: Near = Near()

    inside: Inside = Inside()

    index: Path | None = None
    """Folder that keeps what is known of earlier crawls: those are compared, and stay before any
    of these; what stays of these is added."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are quarantined."""

    shard_bytes: Annotated[int, Field(ge=1)] = RANGE_BYTES
    """Input bytes per task and output file; small files share one."""

    @model_validator(mode="after")
    def _index_knows_whole_texts(self) -> "DedupConfig":
        other = "--url" if self.url else "--inside" if self.inside.chosen else None
        if self.index and other:
            raise ValueError(
                f"--index: goes with copies of whole texts, not with {other}; "
                "run dedup twice, with one of both each time"
            )
        return self

    @property
    def compared(self) -> dict[str, Any]:
        """The options that must be the same for all that is compared."""
        if not self.near.action:
            return {"near.action": None}
        names = ("min_similarity", "bands", "rows")
        return {f"near.{name}": getattr(self.near, name) for name in names}
