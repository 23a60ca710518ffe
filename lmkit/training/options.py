"""Options of training: optimizer, learning-rate schedule, loss spikes, data mixture."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from lmkit.config import Group, split_commas


class MixtureConfig(Group):
    """how much of each packed folder is read."""

    weights: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...] | None, BeforeValidator(split_commas)
    ] = None
    """Share of the tokens from each input, in their order, such as 0.7,0.3; none: as they lie
    there, every row as often as any other."""


class SpikeConfig(Group):
    """What to do where the loss jumps."""

    z: Annotated[float, Field(gt=0)] | None = 10.0
    """How far above the last losses one is a spike, in their (robust) standard deviations; none:
    don't look."""

    action: Literal["warn", "rollback"] = "warn"
    """warn: say so; rollback: go back to the last checkpoint, and leave the batches since out."""

    rollbacks: Annotated[int, Field(ge=1)] = 3
    """Most rollbacks in a run before it is given up."""


class OptimConfig(Group):
    """How the weights follow the gradient."""

    algorithm: Literal["adamw", "muon"] = "adamw"
    """What turns gradients into updates; muon: of the matrices inside of blocks, adamw the rest."""

    lr: Annotated[float, Field(gt=0)] = 1e-3
    """Peak learning rate."""

    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the running mean of the gradient that a step keeps."""

    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Share of the running mean of the squared gradient that a step keeps."""

    eps: Annotated[float, Field(gt=0)] = 1e-8
    """Added to the root of the mean square, against division by 0."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Of muon: share of the running gradient that a step keeps."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Pull of matrices and embeddings towards 0, times the learning rate."""

    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Longest gradient, as the norm over all weights; none: never cut."""


class ScheduleConfig(Group):
    """How the learning rate moves over a run."""

    kind: Literal["cosine", "linear", "constant", "inverse-sqrt", "wsd"] = "cosine"
    """How it falls behind the warm-up; wsd stays at the top until the last part of the run."""

    warmup_steps: Annotated[int, Field(ge=0)] = 100
    """Steps over which the learning rate rises to --optim.lr."""

    decay_steps: Annotated[int, Field(ge=1)] | None = None
    """Step at which the fall ends; none: at the last of --steps. Give it where a shorter run is
    to follow the same schedule as a longer one."""

    decay_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Of wsd: share of the steps over which it falls."""

    final: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Learning rate at the end, as a share of --optim.lr."""

    @model_validator(mode="after")
    def _decay_follows_warmup(self) -> ScheduleConfig:
        if self.decay_steps is not None and self.decay_steps <= self.warmup_steps:
            raise ValueError(
                f"--schedule.decay-steps: got {self.decay_steps}, must be more than "
                f"--schedule.warmup-steps, which is {self.warmup_steps}"
            )
        return self
