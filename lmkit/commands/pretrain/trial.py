"""A trial of a run: a few steps that are discarded, for --dry-run and --hours.

Choice: the number of steps for some hours is determined when the run starts, and stored with it. A
run that resumes with the same hours has the same steps, on whatever machine.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np
from torch.optim import Optimizer

from lmkit.commands.pretrain.compile_choice import compiles
from lmkit.commands.pretrain.described_model import described_model
from lmkit.commands.pretrain.resolve import RunPlan
from lmkit.counter_rng import row_keys
from lmkit.execution.progress import log_message, warn
from lmkit.execution.ranks import ranks
from lmkit.packing.token_rows import TokenSequences
from lmkit.training.checkpoints.resolved_values import resolved_steps
from lmkit.training.data.mixed_rows import MixedRows
from lmkit.training.distributed.launch import accelerator_for
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.distributed.rank_zero import on_rank_zero
from lmkit.training.distributed.sharded_start import initialize_shards
from lmkit.training.loop import Hooks, Progress, train
from lmkit.training.optimizer import CombinedOptimizer, optimizer_of_shards
from lmkit.training.planning.forecast import Forecast, forecast
from lmkit.training.precision import Precision, choose_precision, products_dtype
from lmkit.training.schedule_warnings import schedule_warnings
from lmkit.training.training_recipe import Recipe


class Trial:
    """The run's loop, with a model that is discarded."""

    def __init__(
        self,
        plan: RunPlan,
        precision: Precision,
        data: TokenSequences | MixedRows,
        *,
        compiled: bool,
    ) -> None:
        self._plan, self._compiled, self._data = plan, compiled, data
        self._precision: Precision = precision

    def __call__(self, recipe: Recipe, report: Callable[[int], None]) -> None:
        """Train by a recipe; report the tokens read so far after each step."""
        train(
            *self._parallelism_and_optimizer,
            self._data,
            self._plan.make_batch,
            recipe,
            Progress(),
            Hooks(on_step=lambda record: report(record.tokens)),
            self._plan.packed.order(self._data),
        )

    @cached_property
    def _parallelism_and_optimizer(self) -> tuple[Parallelism, Optimizer | CombinedOptimizer]:
        plan, options = self._plan, self._plan.options
        accelerator = accelerator_for(options.device, self._precision)
        model = described_model(plan)
        if not plan.is_sharded:
            model.to(accelerator.device)
        if self._compiled:
            model.compile_blocks()
        parallelism = Parallelism(model, accelerator, plan.parallel)
        if plan.is_sharded:
            initialize_shards(model, accelerator.device, options.seed)
        products = products_dtype(self._precision)
        return parallelism, optimizer_of_shards(parallelism.local_shards, plan.optim, products)


def dry_run(plan: RunPlan) -> Forecast:
    """Return the expected cost of the run, and warn of an odd schedule."""
    if plan.options.hours is None:
        for message in schedule_warnings(plan.optim.peak_lr, plan.steps, plan.schedule):
            warn(message)
    return forecast_run(plan)


def within_hours(plan: RunPlan) -> RunPlan:
    """Return the plan with the steps that the given hours, if any, are enough for."""
    hours = plan.options.hours
    if hours is None:
        return plan
    overwrites, output = plan.options.overwrite, plan.options.output
    known = None if overwrites else on_rank_zero(lambda: resolved_steps(output))
    if known is not None and known[0] == hours:
        return replace(plan, steps=known[1])
    trial_forecast = forecast_run(plan)
    steps = on_rank_zero(lambda: trial_forecast.steps_in(hours))
    log_message(f"{hours:g} hours: time for about {steps:,} steps")
    return replace(plan, steps=steps)


def forecast_run(plan: RunPlan) -> Forecast:
    """Return the expected cost of the run, from arithmetic and from a few discarded steps."""
    typed = plan.options.precision
    precision = choose_precision(plan.device) if typed == "auto" else typed
    data = plan.packed.rows()
    recipe = plan.recipe(len(data), plan.default_micro_batch)
    compiled = compiles(plan, data, plan.device, precision, recipe.micro_batch)
    trial = Trial(plan, precision, data, compiled=compiled)
    how = ", after compiling the blocks" if compiled else ""
    log_message(f"measuring the speed: a few steps, which are discarded{how}")
    numbers = np.arange(min(recipe.micro_batch, len(data)))
    batch = plan.make_batch(data.read(numbers), row_keys(recipe.seed, 1, numbers))
    return forecast(
        plan.model,
        plan.vocabulary_size,
        recipe,
        batch,
        device=plan.device,
        precision=precision,
        compiled=compiled,
        processes=ranks(),
        trial=trial,
    )
