"""What only a folder of `lmkit clean` shows."""

from lmkit.commands.inspect.opened_folder import FolderKind, OpenedFolder, Sections
from lmkit.filters.outcome_counts import outcome_sections


def clean_sections(folder: OpenedFolder) -> Sections:
    """Return the outcomes by rule, source and language, and examples of dropped documents."""
    return outcome_sections(folder.details)


CLEAN = FolderKind(clean_sections)
