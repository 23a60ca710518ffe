"""What only a folder of `lmkit clean` shows."""

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.folder_kind import FolderKind, Sections
from lmkit.filters.outcome_counts import CleanRecord, outcome_sections


def clean_sections(folder: OpenedFolder) -> Sections:
    """Return the outcomes by rule, source and language, and examples of dropped documents."""
    if folder.manifest is None:
        return outcome_sections(CleanRecord())
    return outcome_sections(CleanRecord.from_manifest(folder.manifest, folder.path))


CLEAN = FolderKind(clean_sections)
