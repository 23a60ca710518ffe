"""What can be set for `lmkit report`."""

from pathlib import Path
from typing import Annotated

from lmkit.config import POSITIONAL, StageConfig


class ReportConfig(StageConfig):
    """Show a pipeline on one page, from raw files to scores, and write cards of data and models."""

    stage = "report"
    example = "lmkit report work/ --output work/report"
    output_patterns = (r"report\.html|dataset_card\.md|model_card(-\d+)?\.md",)

    inputs: Annotated[tuple[Path, ...], POSITIONAL] = ()
    """Folders that lmkit made, finished or not, each of which is shown with all that it was made
    of; or folders that hold such folders, such as work/."""
