"""The registry of trackers: their names, and what is checked before any work.

Choices:
- A tracker is a file of this folder, with a class that is a `Tracker`, and an entry here. What it
  writes below the run's folder is in a folder of its name.
- Whatever a tracker has is derived from metrics.jsonl. It is opened fresh when a run starts or
  resumes, gets all lines that are kept, and then each new one: so no step appears twice, whatever
  stopped the run.
- Nothing here imports a library, since the names are read by `lmkit pretrain --help`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from lmkit.errors import ConfigError
from lmkit.extras import installation


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is opened for."""

    folder: Path
    log_every: int = 1
    """Steps between points, for a tracker that would be slow with all of them."""
    chosen: str | None = None
    """The tracker that a person has asked for, in addition to those that are always on."""
    id: str = ""
    """The same each time the run is tracked, and of no other run."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The options of the run, named as flags are."""


class Tracker(Protocol):
    """Made of a `TrackedRun`, with nothing in it; subclasses define `log`.

    It may raise anything at any time: it is then closed, and training continues without it.
    """

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add the numbers of a step, by tag. Called once per step, in order."""
        ...

    def add_text(self, tag: str, text: str, step: int) -> None:
        """Add a text that was generated after a step. Steps may be earlier ones."""

    def flush(self) -> None:
        """Wait until everything is on disk."""

    def close(self) -> None:
        """Write what is left. Called once, also after an error."""


@dataclass(frozen=True)
class TrackerEntry:
    """A tracker, as far as it is known without its library."""

    path: str
    """Its file and its class, such as `wandb_run.WandbRun`."""
    package: str | None = None
    """What must be installed, where lmkit doesn't depend on it."""

    def load(self) -> Callable[[TrackedRun], Tracker]:
        """Import the class."""
        module, _, name = self.path.partition(".")
        return getattr(import_module(f"{__package__}.{module}"), name)


TRACKERS: Mapping[str, TrackerEntry] = {
    "tensorboard": TrackerEntry("tensorboard_files.TensorBoardFiles"),
    "wandb": TrackerEntry("wandb_run.WandbRun", "wandb"),
    "trackio": TrackerEntry("trackio_run.TrackioRun", "trackio"),
}
ALWAYS_ON = ("tensorboard",)
CHOICES = tuple(name for name in TRACKERS if name not in ALWAYS_ON)
"""The values of --track."""


def refuse_missing(name: str | None) -> None:
    """Raise ConfigError where the package of a tracker isn't installed."""
    package = TRACKERS[name].package if name else None
    if package is None:
        return
    spec = find_spec(package)
    # W&B's folder in the current one would be found, too, as a package without a file.
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"--track {name}: the Python package {package} is not installed",
            f"{installation(package)}; or leave out --track",
        )
