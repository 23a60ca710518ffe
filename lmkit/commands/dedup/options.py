"""What can be set for `lmkit dedup`."""

from pathlib import Path

from lmkit.artifacts.options import (
    DOCUMENT_FILES,
    LabelsDocuments,
    ReadsRecords,
    WritesDocuments,
    WritesToStores,
)
from lmkit.config import StageConfig
from lmkit.deduplication.options import MatchOptions
from lmkit.execution.executors.options import SharesTasks
from lmkit.recipes.options import TakesRecipe


class DedupConfig(
    MatchOptions,
    LabelsDocuments,
    ReadsRecords,
    WritesDocuments,
    TakesRecipe,
    SharesTasks,
    WritesToStores,
    StageConfig,
):
    """Keep one of all documents that have the same text, or nearly the same."""

    stage = "dedup"
    example = "lmkit dedup work/clean --output work/dedup --decontamination.against benchmarks/"
    output_patterns = (*DOCUMENT_FILES, r"(duplicates|cuts|contamination)-\d{5,}\.jsonl\.zst")
    location_options = StageConfig.location_options | {"decontamination.against"}

    index: Path | None = None
    """Crawl index: a folder with what is known of earlier crawls. Their documents are kept before
    any of these; what is kept of these is added."""
