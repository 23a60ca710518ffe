"""Pilot runs: short ones on the same data, each to the end of its schedule.

Choices:
- Three runs: two lengths of a small model, a factor of four apart, show what more data is worth; a
  large model shows, at the shorter length, what more parameters are worth. At another
  length than both of the small model, it is left open which of the two a difference comes from:
  predictions were 4 to 6% too low.
- Most of the time is for the longest run: what has to be predicted is longer than all of them.
- Where options fit no other size, all three are of the same, at three lengths.
- What the runs are is determined once and stored with them: an interrupted plan resumes them,
  though its speed would be measured as another one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from lmkit.artifacts.manifest import Record, read
from lmkit.commands.plan.finished_runs import FinishedRun, finished_run
from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.errors import Interrupted, LmkitError, OutputError, RequestError
from lmkit.execution.amounts import duration
from lmkit.execution.progress import log_message
from lmkit.training.planning.batch_rule import LEAST_BATCH
from lmkit.training.planning.model_sizes import ModelSize, model_sizes

LEAST_POSITIONS = 20 * LEAST_BATCH
"""Of a run; fewer steps show nothing."""
SHORT, MIDDLE = 0.25, 0.5
"""Lengths of the shorter runs, as fractions of the longest; the middle one for runs of one size."""
PILOTS = "pilots.json"
AGAIN = "start the pilot runs again: --overwrite"
SLOWER = 100.0
"""How much longer a stored run may be than the planned one: its speed was measured at another
time."""


class PilotSize(Record):
    """A run to make."""

    size: ModelSize | None
    """None where options set the size."""
    positions: Annotated[float, Field(gt=0, le=1e18)]

    @field_validator("size")
    @classmethod
    def _is_one_of_the_sizes(cls, size: ModelSize | None) -> ModelSize | None:
        if size is not None and size not in model_sizes():
            raise ValueError("no size of a plan")
        return size


class PilotSizes(Record):
    """All runs to make."""

    runs: Annotated[tuple[PilotSize, ...], Field(min_length=1, max_length=3)]


def pilot_sizes(
    seconds: float,
    small: ModelSize | None,
    large: ModelSize | None,
    speed: Callable[[ModelSize | None], float],
    longest: float,
) -> PilotSizes:
    """Return the runs that take so many seconds together.

    Args:
        seconds: for all of them.
        small: the smaller model.
        large: the larger one, or the same.
        speed: positions per second of a model.
        longest: most positions of a run.

    """
    runs = ((small, SHORT), (large, MIDDLE if small == large else SHORT), (small, 1.0))
    per_position = sum(fraction / speed(size) for size, fraction in runs)
    longest = min(longest, seconds / per_position)
    return PilotSizes(
        runs=tuple(
            PilotSize(size=size, positions=max(fraction * longest, LEAST_POSITIONS))
            for size, fraction in runs
        )
    )


def stored_sizes(path: Path, longest: float) -> PilotSizes | None:
    """Return what an interrupted plan has determined; None where there is nothing.

    Raises OutputError for a damaged file, also for one that says what no plan would.

    Args:
        path: of the file.
        longest: positions of the planned run.

    """
    limit = max(LEAST_POSITIONS, SLOWER * longest)
    try:
        stored = read(PilotSizes, path)
        is_possible = stored is None or all(run.positions <= limit for run in stored.runs)
    except LmkitError:
        stored, is_possible = None, False
    if not is_possible:
        raise OutputError(f"{path}: damaged", AGAIN)
    return stored


def train_pilots(
    runs: PlannedRuns, sizes: Callable[[], PilotSizes], longest: float
) -> list[FinishedRun]:
    """Train the runs, or what an interrupted plan has left of them.

    Args:
        runs: on the same data.
        sizes: returns what to train, if it isn't determined yet.
        longest: positions of the planned run.

    """
    scratch = runs.scratch
    scratch.mkdir(parents=True, exist_ok=True)
    stored = stored_sizes(scratch / PILOTS, longest)
    if stored is None:
        stored = sizes()
        stored.write(scratch / PILOTS, scratch)
    results: list[FinishedRun] = []
    for number, pilot in enumerate(stored.runs, 1):
        steps, of_all = runs.steps(pilot.positions), f"{number} of {len(stored.runs)}"
        parameters = runs.parameters(pilot.size) / 1e6
        log_message(f"pilot run {of_all}: {parameters:.1f} million parameters, {steps:,} steps")
        folder = scratch / f"pilot-{number}"
        resumes = folder.exists()
        try:
            manifest = runs.train(pilot.size, pilot.positions, folder)
        except Interrupted:
            hint = "the same command resumes it"
            if runs.config.output is None:
                hint = "with an --output, the same command resumes it"
            raise Interrupted(f"interrupted in pilot run {of_all}", hint) from None
        except RequestError as error:
            if not resumes:
                raise
            raise OutputError(error.message, AGAIN) from None  # it isn't as it was left
        found = finished_run(folder, manifest, runs.data)
        log_message(f"validation loss {found.loss:.4f}, in {duration(found.seconds)}")
        results.append(found)
    return results
