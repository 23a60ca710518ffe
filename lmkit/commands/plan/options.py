"""What can be set for `lmkit plan`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lmkit.config import POSITIONAL, FolderConfig
from lmkit.execution.options import ComputesOn
from lmkit.model.options import ModelConfig
from lmkit.objectives.options import ObjectiveConfig
from lmkit.training.options import MixtureConfig, OptimConfig, ScheduleConfig

BUDGETS = ("hours", "tokens", "flops")


class PlanConfig(ObjectiveConfig, ComputesOn, FolderConfig):
    """Propose a model and its training for some hours, and predict its loss, time and cost."""

    stage = "plan"
    example = "lmkit plan work/packed --hours 8 --output work/plan"
    output_patterns = (r"config\.toml|plan\.json", r"\.partial/runs/.*")
    location_options = FolderConfig.location_options | {"device", "runs"}

    inputs: Annotated[tuple[Path, ...], POSITIONAL] = ()
    """Packed folders."""

    output: Path | None = None
    """Folder to write config.toml, for `lmkit pretrain --config`, and plan.json to; none: only
    print."""

    hours: Annotated[float, Field(gt=0, le=10**6)] | None = None
    """Hours that the run may take on this machine."""

    tokens: Annotated[int, Field(ge=1, le=10**18)] | None = None
    """Tokens to train on, instead of --hours: the model that suits them."""

    flops: Annotated[float, Field(ge=1, le=1e30)] | None = None
    """FLOPs to train with, forward and backward, instead of --hours."""

    price: Annotated[float, Field(ge=0, le=10**12)] | None = None
    """What an hour of this machine costs; none: costs aren't shown."""

    pilot_minutes: Annotated[float, Field(gt=0, le=10**6)] | Literal["auto"] | None = "auto"
    """Minutes of short runs on this data, from which the loss is predicted; auto: a tenth of the
    time of the run, of an hour at most; none: published constants alone, and a wide interval."""

    runs: tuple[Path, ...] = ()
    """Finished run on the same data, from whose loss to predict, too. Repeat it for several."""

    processes: Annotated[int, Field(ge=1, le=10**6)] = 1
    """Processes that the run will have, each as fast as this machine."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the runs."""

    mixture: MixtureConfig = MixtureConfig()

    model: ModelConfig = ModelConfig()

    optim: OptimConfig = OptimConfig()

    schedule: ScheduleConfig = ScheduleConfig()

    @model_validator(mode="after")
    def _has_one_budget(self) -> Self:
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if not given:
            raise ValueError("--hours: missing; give it, or --tokens or --flops")
        if len(given) > 1:
            raise ValueError(f"--{given[0]}: got --{given[1]}, too; give one of them")
        return self
