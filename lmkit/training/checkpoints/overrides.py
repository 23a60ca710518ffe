"""Options that a run resumes with other values of, on purpose: `--override optim.lr`.

Choices:
- What a run does at a step is still a function of the step: the values before are kept, with the
  last step that they hold for, in resolved.json. So a run that is killed and resumed, or goes back
  to an older checkpoint, computes each step with the values that the step had.
- Only what may sensibly change within a run can be overridden: the learning rate, its schedule, and
  the size of the batch. Another model, objective or seed is another run (--init-from).
"""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from lmkit.artifacts.manifest import MANIFEST, Manifest, Plan, Record, flat, read
from lmkit.artifacts.tasks import PARTIAL
from lmkit.errors import ConfigError, LmkitError, OutputError
from lmkit.storage.json_bytes import read_object
from lmkit.training.checkpoints.layout import STATE, newest_first, step_of
from lmkit.training.options import (
    MOST_BATCH_TOKENS,
    OVERRIDABLE,
    OptimConfig,
    ScheduleConfig,
)


class EarlierOptions(Record):
    """Options of the first steps of a run that differ from those of the steps since."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    last_step: int = Field(ge=1, lt=1 << 60)
    last_batch: int = Field(ge=1, lt=1 << 60)
    """With the batches that were skipped after spikes."""
    options: dict[str, str | int | float | None]
    """The values of all that can be overridden."""

    @field_validator("options")
    @classmethod
    def _are_usable(cls, options: dict[str, Any]) -> dict[str, Any]:
        if options.keys() != set(OVERRIDABLE.values()):
            raise ValueError("other options than those that can be overridden")
        for group, kind in (("optim", OptimConfig), ("schedule", ScheduleConfig)):
            values = {
                key.removeprefix(f"{group}."): value
                for key, value in options.items()
                if key.startswith(f"{group}.")
            }
            kind.model_validate(values, strict=True)
        tokens = options["batch_tokens"]
        if type(tokens) is not int or not 1 <= tokens <= MOST_BATCH_TOKENS:
            raise ValueError("no number of tokens")
        return options


def earlier_options(
    run: Path,
    known: Sequence[EarlierOptions],
    options: Mapping[str, Any],
    overrides: Set[str],
) -> tuple[EarlierOptions, ...]:
    """Return the options of a run's steps until now that differ from those of the steps to come.

    Args:
        run: its folder.
        known: what an earlier override recorded.
        options: of the steps to come, by their keys.
        overrides: names of the options that were typed to change.

    Raises:
        ConfigError: there is no run whose options could be overridden.

    """
    if not overrides:
        return tuple(known)
    before = flat(recorded_options(run))
    if not before:
        raise ConfigError(
            f"--override {min(overrides)}: {run} holds no run that could resume with it",
            "leave --override out to start one",
        )
    checkpoint = next(iter(newest_first(run)), None)
    changed = any(before.get(OVERRIDABLE[name]) != options[OVERRIDABLE[name]] for name in overrides)
    if checkpoint is None or not changed:
        return tuple(known)
    step = step_of(checkpoint)
    # A checkpoint may be from before an earlier override: the last one is lost, or it saved none.
    in_force = next((each.options for each in known if each.last_step >= step), before)
    try:
        new = EarlierOptions(
            last_step=step,
            last_batch=step + _left_out(checkpoint),
            options={key: in_force.get(key) for key in OVERRIDABLE.values()},
        )
    except ValueError:  # pydantic's ValidationError is one
        raise OutputError(
            f"{run}: damaged: its options until now can't be read",
            "restore a good copy, or start it again with --overwrite",
        ) from None
    return (*(each for each in known if each.last_step < step), new)


def recorded_options(run: Path) -> dict[str, Any]:
    """Return the options that a run was begun, or last resumed, with; none without a run."""
    try:
        plan = read(Manifest, run / MANIFEST) or read(Plan, run / PARTIAL / "plan.json")
    except (LmkitError, OSError):  # opening the folder reports what is wrong with it
        return {}
    return plan.config if plan else {}


def _left_out(checkpoint: Path) -> int:
    """Return the batches that were skipped until a checkpoint."""
    try:
        left_out = read_object(checkpoint / STATE).get("left_out", 0)
    except (OSError, ValueError):
        return 0  # corrupt: loading takes an older one, whose steps are trained again
    return left_out if isinstance(left_out, int) and left_out >= 0 else 0
