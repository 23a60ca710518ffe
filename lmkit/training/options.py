"""Options of training: optimizer, learning-rate schedule, loss spikes, data mixture."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from lmkit.config import Group, OneOf, is_none, split_commas
from lmkit.training.optimizers.registry import ALGORITHMS

MOST_BATCH_TOKENS = 2**30
"""Tokens in a global batch."""
OVERRIDABLE = {
    "optim.lr": "optim.lr",
    "batch-tokens": "batch_tokens",
    "schedule.kind": "schedule.kind",
    "schedule.warmup-steps": "schedule.warmup_steps",
    "schedule.decay-steps": "schedule.decay_steps",
    "schedule.decay-fraction": "schedule.decay_fraction",
    "schedule.final-lr-fraction": "schedule.final_lr_fraction",
}
"""The key of each option that a run may resume with another value of, by its name in --override."""


class MixtureConfig(Group):
    """How much of each packed folder is read."""

    weights: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...] | None, BeforeValidator(split_commas)
    ] = None
    """Fraction of the tokens from each input, in their order, such as 0.7,0.3; none: every
    sequence as often as any other."""


class SpikeConfig(Group):
    """What happens when the loss spikes."""

    z: Annotated[float, Field(gt=0)] | None = 10.0
    """A loss this many (robust) standard deviations above the recent ones is a spike; none: don't
    check."""

    action: Literal["warn", "rollback"] = "warn"
    """warn: print a warning; rollback: go back to the last checkpoint and skip the batches
    since."""

    rollbacks: Annotated[int, Field(ge=1)] = 3
    """Most rollbacks before the run fails."""


class OptimConfig(Group):
    """How gradients update the weights."""

    algorithm: Annotated[str, OneOf(ALGORITHMS)] = "muon"
    """Optimizer; muon: for the matrices inside the blocks, with adamw for the rest."""

    lr: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    """Peak learning rate; auto: by a rule that has the model's size, the batch and the length of
    the run, determined once a run."""

    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Decay of the running mean of gradients."""

    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Decay of the running mean of squared gradients."""

    eps: Annotated[float, Field(gt=0)] = 1e-8
    """Added to the denominator, against division by 0."""

    rest_lr_factor: Annotated[
        float, Field(gt=0, le=1_000, exclude_if=lambda factor: factor == 1.0)
    ] = 3.0
    """With muon, the learning rate of what adamw updates, as a multiple of --optim.lr."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Momentum of muon."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Decoupled weight decay of matrices and embeddings, times the learning rate."""

    grad_clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest gradient norm, over all weights; none: don't clip."""

    @property
    def peak_lr(self) -> float:
        """The peak learning rate, where it is known.

        Raises ValueError for `auto`: a run determines it first.
        """
        return float(self.lr)


class RampConfig(Group):
    """A global batch that grows over the first steps."""

    batch_tokens: Annotated[int | None, Field(ge=1, exclude_if=is_none)] = None
    """Tokens of the first global batch, which grows to --batch-tokens by the same amount at each
    step; none: every batch has --batch-tokens."""

    steps: Annotated[int | None, Field(ge=1, le=10**12, exclude_if=is_none)] = None
    """Steps until the batch has --batch-tokens."""

    @model_validator(mode="after")
    def _both_or_none(self) -> RampConfig:
        if (self.batch_tokens is None) != (self.steps is None):
            one, other = (
                ("batch-tokens", "steps") if self.steps is None else ("steps", "batch-tokens")
            )
            raise ValueError(f"--ramp.{one}: needs --ramp.{other}, too")
        return self


class ScheduleConfig(Group):
    """How the learning rate changes over a run."""

    kind: Literal["cosine", "linear", "constant", "inverse-sqrt", "wsd"] = "cosine"
    """How it decays after the warm-up; wsd keeps the peak until the last part of the run."""

    warmup_steps: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """Steps over which the learning rate rises to --optim.lr; auto: a quarter of the steps of the
    schedule, and at most 100, determined once a run."""

    decay_steps: Annotated[int, Field(ge=1)] | None = None
    """Step at which the decay ends; none: the last of --steps. Set it where a shorter run is to
    follow the schedule of a longer one."""

    decay_fraction: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Of wsd: fraction of the steps over which it decays."""

    final_lr_fraction: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Final learning rate, as a fraction of --optim.lr."""

    @model_validator(mode="after")
    def _decay_follows_warmup(self) -> ScheduleConfig:
        if self.decay_steps is None or self.warmup_steps == "auto":
            return self
        if self.decay_steps <= self.warmup_steps:
            raise ValueError(
                f"--schedule.decay-steps: got {self.decay_steps}, must be more than "
                f"--schedule.warmup-steps, which is {self.warmup_steps}"
            )
        return self

    @property
    def warmup(self) -> int:
        """The steps of the warm-up, where they are known.

        Raises ValueError for `auto`: a run determines it first.
        """
        return int(self.warmup_steps)
