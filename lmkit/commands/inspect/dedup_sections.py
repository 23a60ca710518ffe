"""What only a folder of `lmkit dedup` shows."""

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.folder_kind import FolderKind, Sections
from lmkit.commands.inspect.folder_sections import MAX_INPUTS
from lmkit.deduplication.summary import DedupRecord, summary_sections


def dedup_sections(folder: OpenedFolder) -> Sections:
    """Return the clusters, the duplicates by source, and what was found of each test set."""
    if folder.manifest is None:
        return {}
    record = DedupRecord.from_manifest(folder.manifest, folder.path)
    found = sorted(record.test_sets, key=lambda row: (-row.share, row.set))
    more = [{"set": f"and {len(found) - MAX_INPUTS:,} more"}]
    rows = [row.recorded() for row in found[:MAX_INPUTS]]
    shown = [*rows, *(more if len(found) > MAX_INPUTS else [])]
    return summary_sections(record) | {"test_sets": shown}


DEDUP = FolderKind(dedup_sections)
