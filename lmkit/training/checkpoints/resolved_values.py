"""resolved.json: what `auto` and hours resolved to when a run started.

Choice: a damaged file is refused. To determine its values again could give others, such as another
precision, and the numbers of the run would change without a word; a person can still ask for it.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field

from lmkit.artifacts.manifest import Record
from lmkit.errors import OutputError
from lmkit.storage.json_bytes import read_object
from lmkit.training.checkpoints.overrides import EarlierOptions

RESOLVED = "resolved.json"


class ResolvedValues(Record):
    """The values that this version writes."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    precision: Literal["fp32", "bf16", "fp16"] | None = None
    compile: Literal["yes", "no"] | None = None
    micro_batch: str | None = Field(None, pattern=r"^[1-9]\d{0,9}$")
    tracker_id: str | None = Field(None, pattern=r"^[\w-]{1,64}$")
    hours: float | None = Field(None, ge=0, allow_inf_nan=False)
    lr: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Where --optim.lr is auto."""
    warmup: int | None = Field(None, ge=0, lt=1 << 60)
    """Where --schedule.warmup-steps is auto."""
    steps: int | None = Field(None, ge=1, lt=1 << 60)
    tasks: dict[str, str] = {}  # noqa: RUF012
    """What each task asked, as a hash."""
    earlier: list[EarlierOptions] = []  # noqa: RUF012
    """What the first steps were trained with, where that was overridden since."""


def read_resolved(run: Path) -> dict[str, Any]:
    """Return the values of a run; none before it started. Raises OutputError for a damaged file."""
    path = run / RESOLVED
    try:
        return ResolvedValues.model_validate(read_object(path)).model_dump(exclude_unset=True)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:  # including pydantic's ValidationError
        raise OutputError(
            f"{path}: damaged",
            "restore a good copy, or delete it: then what auto stands for is determined again",
        ) from None


def resolved_steps(run: Path) -> tuple[float, int] | None:
    """Return the hours that a run was given, and the steps that they are."""
    known = read_resolved(run)
    hours, steps = known.get("hours"), known.get("steps")
    return None if hours is None or steps is None else (hours, steps)


def known_earlier(run: Path) -> tuple[EarlierOptions, ...]:
    """Return the options of a run's first steps, where they were overridden since."""
    return tuple(map(EarlierOptions.model_validate, read_resolved(run).get("earlier", ())))


def known_lr(run: Path) -> float | None:
    """Return what `--optim.lr auto` was when a run started; None where that isn't known."""
    found = read_resolved(run).get("lr")
    return None if found is None else float(found)


def known_warmup(run: Path) -> int | None:
    """Return what `--schedule.warmup-steps auto` was; None where that isn't known."""
    found = read_resolved(run).get("warmup")
    return None if found is None else int(found)
