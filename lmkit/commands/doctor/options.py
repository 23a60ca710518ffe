"""What can be set for `lmkit doctor`."""

from pathlib import Path

from lmkit.config import CommandConfig


class DoctorConfig(CommandConfig):
    """Show what this machine and this installation can do, and what would make them faster."""

    stage = "doctor"
    example = "lmkit doctor --folder work/"

    folder: Path = Path()
    """Folder whose disk is measured, such as that of your outputs."""

    measure: bool = True
    """Measure matrix products, processes and the disk, which takes some ten seconds."""
