"""From the plan of a run to the session that trains it: model, data, optimizer, validation.

Choices:
- The micro-batch is searched with the model on its device, before it is wrapped for several
  processes: what is measured on a GPU is the model itself. Where no process will have the full
  model, it is estimated.
- A model that will be sharded is described on the `meta` device, and gets memory once it is.
"""

import numpy as np
import torch
from accelerate import Accelerator

from lmkit.commands.pretrain.compile_choice import COMPILE, compiles, flops_of_a_token
from lmkit.commands.pretrain.described_model import described_model
from lmkit.commands.pretrain.resolve import RunPlan
from lmkit.counter_rng import row_keys
from lmkit.execution.progress import log_message
from lmkit.execution.ranks import ranks
from lmkit.model.transformer import Transformer
from lmkit.training.checkpoints.initial_weights import copy_weights
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.data.step_batches import TrainingRows
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.distributed.rank_zero import on_rank_zero
from lmkit.training.distributed.sharded_start import initialize_shards
from lmkit.training.evaluations.sampling_prompts import PromptSampler
from lmkit.training.evaluations.task_evaluation import TaskEvaluation
from lmkit.training.loss_scale import LossScale
from lmkit.training.monitoring.peak_flops import ModelFlops, peak_flops
from lmkit.training.optimizer import optimizer_of_shards
from lmkit.training.planning.micro_batch import find_micro_batch, fits_by_estimate, fits_on_gpu
from lmkit.training.precision import products_dtype
from lmkit.training.session import Session
from lmkit.training.tracking.registry import TrackedRun
from lmkit.training.validation import Validation


def build_session(plan: RunPlan, folder: RunFolder, accelerator: Accelerator) -> Session:
    """Return what trains the run, from its last checkpoint or from scratch."""
    options, data = plan.options, plan.packed.rows()
    model = described_model(plan)
    if not plan.is_sharded:
        model.to(accelerator.device)
    micro_batch = _micro_batch(plan, folder, model, data, accelerator)
    recipe = plan.recipe(len(data), micro_batch)
    if _is_compiled(plan, folder, data, accelerator, micro_batch):
        log_message("compiling the blocks in the first step, which takes up to a minute longer")
        model.compile_blocks()
    parallelism = Parallelism(model, accelerator, plan.parallel)
    if plan.is_sharded:
        initialize_shards(model, accelerator.device, options.seed)
    if plan.initial_tensors is not None:
        copy_weights(model, plan.initial_tensors)
    held_out = plan.packed.held_out()
    scored = plan.scored_model(model)
    is_fp16 = accelerator.mixed_precision == "fp16"
    return Session(
        run=options.output,
        recipe=recipe,
        recipe_hash=folder.recipe,
        parallelism=parallelism,
        optimizer=optimizer_of_shards(
            parallelism.local_shards, plan.optim, products_dtype(accelerator.mixed_precision)
        ),
        data=data,
        make_batch=plan.make_batch,
        order=plan.packed.order(data),
        validate=(
            Validation(parallelism, held_out, plan.scored_batches, recipe.micro_batch)
            if held_out
            else None
        ),
        evaluate=(
            TaskEvaluation(parallelism, plan.tasks, scored, recipe.micro_batch)
            if plan.tasks
            else None
        ),
        sample=(
            PromptSampler(parallelism, plan.prompts, scored, recipe.seed) if plan.prompts else None
        ),
        scale=LossScale(accelerator.device) if is_fp16 else None,
        keep=options.keep_checkpoints,
        log_every=options.log_every,
        stall_timeout=options.stall_timeout,
        model_flops=_model_flops(plan, data, accelerator),
        tracked=_tracked(plan, folder),
        profile=options.profile,
    )


def _is_compiled(
    plan: RunPlan,
    folder: RunFolder,
    data: TrainingRows,
    accelerator: Accelerator,
    micro_batch: int,
) -> bool:
    """Return whether the blocks are compiled: as typed, or as determined when the run started."""
    device, precision = accelerator.device, accelerator.mixed_precision

    def choice() -> str:
        return "yes" if compiles(plan, data, device, precision, micro_batch) else "no"

    is_auto = plan.options.compile == "auto"
    return on_rank_zero(lambda: folder.resolve(COMPILE, choice) if is_auto else choice()) == "yes"


def _model_flops(plan: RunPlan, data: TrainingRows, accelerator: Accelerator) -> ModelFlops:
    """Return what the model computes for a token, from the shape of a batch."""
    per_token, peak = flops_of_a_token(plan, data), None
    if accelerator.device.type == "cuda":
        name = torch.cuda.get_device_name(accelerator.device)
        peak = peak_flops(name, accelerator.mixed_precision)
    return ModelFlops(per_token, peak and peak * accelerator.num_processes)


def _tracked(plan: RunPlan, folder: RunFolder) -> TrackedRun:
    """Return what trackers get to know of the run."""
    options = plan.options
    name = on_rank_zero(folder.tracker_id) if options.track else ""
    return TrackedRun(options.output, options.log_every, options.track, name, folder.options)


def _micro_batch(
    plan: RunPlan,
    folder: RunFolder,
    model: Transformer,
    data: TrainingRows,
    accelerator: Accelerator,
) -> int:
    """Return the sequences to compute at a time; auto determines how many fit, once per run."""
    if plan.options.micro_batch != "auto":
        return plan.default_micro_batch
    device, bf16 = accelerator.device, accelerator.mixed_precision != "no"

    def fits(rows: int) -> bool:
        numbers = np.arange(rows) % len(data)
        batch = plan.make_batch(data.read(numbers), row_keys(plan.options.seed, 1, numbers))
        if device.type != "cuda" or plan.is_sharded:
            shards = ranks() if plan.is_sharded else 1
            return fits_by_estimate(
                plan.model, plan.vocabulary_size, batch, device, bf16=bf16, shards=shards
            )
        with accelerator.autocast():
            return fits_on_gpu(model, batch.tensors())

    return find_micro_batch(plan.rows_per_rank, fits, device, folder)
