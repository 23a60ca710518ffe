"""trackio: a database with a local dashboard, in the run's folder.

Choices:
- The database is in the run's folder, so that a run is complete in itself; a person who has set
  TRACKIO_DIR has all runs in one database, and thus in one dashboard. trackio sends nothing unless
  TRACKIO_SPACE_ID or TRACKIO_SERVER_URL is set.
- A run that resumes is deleted from the database first, and written again.
- trackio reads TRACKIO_DIR once in a process, when it is imported. A second run of the same process
  whose folder is another isn't tracked, rather than in the wrong folder.
- It prints to standard output, which is for results: what it prints is discarded.
- Generated texts are in samples.jsonl and TensorBoard only, as with W&B.
"""

import os
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from lmkit.execution.progress import log_message
from lmkit.training.tracking.registry import TrackedRun, Tracker

FOLDER = "trackio"
PROJECT = "lmkit"
LOCATION = "TRACKIO_DIR"


class TrackioRun(Tracker):
    """The open run of trackio."""

    def __init__(self, run: TrackedRun) -> None:
        own = run.folder.resolve() / FOLDER
        self._trackio = _imported(Path(os.environ.get(LOCATION) or own))
        name = f"{run.folder.resolve().name}-{run.id}"
        with redirect_stdout(StringIO()):
            with suppress(ValueError):  # there is no database yet
                for earlier in self._trackio.Api().runs(PROJECT):
                    if earlier.name == name:
                        earlier.delete()
            self._run: Any = self._trackio.init(
                PROJECT,
                name=name,
                config=dict(run.options),
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        location = "" if LOCATION in os.environ else f"{LOCATION}={own} "
        log_message(f"trackio: '{location}trackio show --project {PROJECT}' shows the run")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add the numbers of a step."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Write what is left."""
        with redirect_stdout(StringIO()):
            self._trackio.finish()


def _imported(folder: Path) -> Any:
    """Import trackio with its database in a folder."""
    before = os.environ.get(LOCATION)
    os.environ[LOCATION] = str(folder)
    try:
        trackio = import_module("trackio")
    finally:
        if before is None:
            del os.environ[LOCATION]
    if Path(trackio.TRACKIO_DIR) != folder:
        raise RuntimeError(f"this process writes to {trackio.TRACKIO_DIR} already")
    return trackio
