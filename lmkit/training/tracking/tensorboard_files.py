"""TensorBoard's event files: curves, texts, and the options for its HPARAMS tab.

Choices:
- Event files can't be truncated, so they are deleted and written again when a run resumes. Only
  event files are deleted: the folder may hold a person's notes.
- Numbers of every step are thinned to every --log-every'th; what is measured now and then, such as
  the loss on held-out text, is always there.
- The options are written into the same event file, with no run of their own below it
  (`SummaryWriter.add_hparams` makes one for each call). The HPARAMS tab shows the last value of a
  curve, so the lowest validation loss so far has a curve, too.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter

from lmkit.training.tracking.registry import TrackedRun, Tracker

FOLDER = "tensorboard"
VALIDATION = "validation/loss"
BEST = "validation/best_loss"
OF_EVERY_STEP = "train/"
"""The start of the tags that are thinned."""


class TensorBoardFiles(Tracker):
    """The open event file of a run."""

    def __init__(self, run: TrackedRun) -> None:
        folder = run.folder / FOLDER
        for file in folder.glob("events.out.tfevents.*"):
            file.unlink()
        self._log_every = run.log_every
        self._lowest = math.inf
        self._board = SummaryWriter(str(folder))
        if run.options:
            self._write_options(run.options)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add the numbers of a step."""
        logged = step % self._log_every == 0
        for tag, value in values.items():
            if logged or not tag.startswith(OF_EVERY_STEP):
                self._board.add_scalar(tag, value, step)
        if VALIDATION in values:
            # A NaN that comes second is not less.
            self._lowest = min(self._lowest, values[VALIDATION])
            self._board.add_scalar(BEST, self._lowest, step)

    def add_text(self, tag: str, text: str, step: int) -> None:
        """Add a text, which is shown as it is: indented, it is no Markdown."""
        indented = "".join(f"    {line}\n" for line in text.splitlines())
        self._board.add_text(tag, indented, step)

    def flush(self) -> None:
        """Wait until everything is on disk."""
        self._board.flush()

    def close(self) -> None:
        """Write what is left."""
        self._board.close()

    def _write_options(self, options: Mapping[str, Any]) -> None:
        shown = {name: _hyperparameter(value) for name, value in options.items()}
        writer: Any = self._board.file_writer
        for summary in hparams(shown, dict.fromkeys((VALIDATION, BEST, "train/loss"))):
            writer.add_summary(summary)


def _hyperparameter(value: Any) -> float | str:
    """Return an option as the HPARAMS tab takes it: a number or a text.

    >>> _hyperparameter(0.1), _hyperparameter(None), _hyperparameter(True), _hyperparameter([1, 2])
    (0.1, 'none', 'true', '[1, 2]')
    """
    if value is None:
        return "none"
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return json.dumps(value)
