"""Pilot runs: short ones on the same data, each to the end of its schedule.

Choices:
- Three runs: two lengths of a smaller model, a factor of four apart, show what more data is worth;
  one of the proposed model shows what more parameters are worth. Most of the time is for the
  longest: what has to be predicted is far from all of them.
- What the runs are is determined once and stored with them: an interrupted plan resumes them,
  though its speed would be measured as another one.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from lmkit.artifacts.manifest import Record, read
from lmkit.commands.plan.finished_runs import FinishedRun, finished_run
from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.errors import Interrupted
from lmkit.execution.amounts import duration
from lmkit.execution.progress import log_message
from lmkit.training.planning.batch_rule import LEAST_BATCH
from lmkit.training.planning.model_sizes import ModelSize

LEAST_POSITIONS = 20 * LEAST_BATCH
"""Of a run; fewer steps show nothing."""
SHORT, MIDDLE = 0.25, 0.5
"""Lengths of the shorter runs, as fractions of the longest."""
PILOTS = "pilots.json"


class PilotSize(Record):
    """A run to make."""

    size: ModelSize | None
    """None where options set the size."""
    positions: Annotated[float, Field(gt=0, le=1e18)]


class PilotSizes(Record):
    """All runs to make."""

    runs: tuple[PilotSize, ...]


def pilot_sizes(
    seconds: float,
    small: ModelSize | None,
    chosen: ModelSize | None,
    speed: Callable[[ModelSize | None], float],
    longest: float,
) -> PilotSizes:
    """Return the runs that take so many seconds together.

    Args:
        seconds: for all of them.
        small: the smaller model, or the same one.
        chosen: the proposed model.
        speed: positions per second of a model.
        longest: most positions of a run.

    """
    per_position = (1 + SHORT) / speed(small) + MIDDLE / speed(chosen)
    longest = min(longest, seconds / per_position)
    runs = ((small, SHORT), (chosen, MIDDLE), (small, 1.0))
    return PilotSizes(
        runs=tuple(
            PilotSize(size=size, positions=max(fraction * longest, LEAST_POSITIONS))
            for size, fraction in runs
        )
    )


def train_pilots(runs: PlannedRuns, sizes: Callable[[], PilotSizes]) -> list[FinishedRun]:
    """Train the runs, or what an interrupted plan has left of them.

    Args:
        runs: on the same data.
        sizes: returns what to train, if it isn't determined yet.

    """
    scratch = runs.scratch
    scratch.mkdir(parents=True, exist_ok=True)
    stored = read(PilotSizes, scratch / PILOTS)
    if stored is None:
        stored = sizes()
        stored.write(scratch / PILOTS, scratch)
    results: list[FinishedRun] = []
    for number, pilot in enumerate(stored.runs, 1):
        steps, of_all = runs.steps(pilot.positions), f"{number} of {len(stored.runs)}"
        parameters = runs.parameters(pilot.size) / 1e6
        log_message(f"pilot run {of_all}: {parameters:.1f} million parameters, {steps:,} steps")
        folder = scratch / f"pilot-{number}"
        try:
            manifest = runs.train(pilot.size, pilot.positions, folder)
        except Interrupted:
            hint = "the same command resumes it"
            if runs.config.output is None:
                hint = "with an --output, the same command resumes it"
            raise Interrupted(f"interrupted in pilot run {of_all}", hint) from None
        found = finished_run(folder, manifest, runs.data)
        log_message(f"validation loss {found.loss:.4f}, in {duration(found.seconds)}")
        results.append(found)
    return results
