"""Pretrain: train a language model on sequences of tokens.

Choices:
- One process per device under Accelerate. Only rank zero plans, locks the folder and writes.
- Neither the order of the data nor the randomness has a state: both depend on the seed and the
  step. So a run that is stopped in any way and resumed is the same as one that never stopped.
"""

import re
from collections import deque
from contextlib import ExitStack

from accelerate import Accelerator
from torch import Tensor

from lmkit.artifacts.manifest import Manifest
from lmkit.artifacts.tasks import PARTIAL
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.resolve import (
    batches_for,
    forecast_run,
    inputs_and_weights,
    recipe_for,
    refuse_absent_device,
    refuse_long_rows,
    resolve_micro_batch,
    resolve_precision,
    sequences_per_batch,
    with_initial_shape,
    with_steps,
    within_hours,
)
from lmkit.errors import Interrupted
from lmkit.execution.progress import warn
from lmkit.execution.ranks import ranks
from lmkit.model.cost import parameters
from lmkit.model.transformer import Transformer
from lmkit.objectives.batch import MakeBatch
from lmkit.storage.atomic_files import atomic_write
from lmkit.training.checkpoints.initial_weights import copy_weights
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.checkpoints.trained_model import TOKENIZER, Description, write_description
from lmkit.training.data.packed_inputs import PackedInputs
from lmkit.training.distributed.launch import (
    accelerator_for,
    refuse_launcher_plugins,
    requested_mode,
)
from lmkit.training.distributed.parallelism import Parallelism, refuse_mode
from lmkit.training.distributed.rank_zero import barrier, on_rank_zero, process_group
from lmkit.training.loop import Progress
from lmkit.training.loss_scale import LossScale
from lmkit.training.metrics import finite, read
from lmkit.training.optimizer import optimizer_of
from lmkit.training.planning.forecast import Forecast
from lmkit.training.planning.glibc_allocator import tune_allocator
from lmkit.training.precision import Precision
from lmkit.training.schedule_warnings import schedule_jump, schedule_warnings
from lmkit.training.session import Session
from lmkit.training.stop_signals import stop_signals
from lmkit.training.validation import validation

CHANGES_DROPOUT = re.compile("--(micro-batch|parallel) ")
"""Changes on which the shapes of the random dropout masks depend."""


def pretrain(config: PretrainConfig) -> Manifest | Forecast:
    """Train to the last step, saving on the way; return the run's manifest.

    With `dry_run`, return a forecast instead.
    """
    config = with_initial_shape(config)
    packed = PackedInputs.at(config.inputs, config.mixture.weights, config.output)
    tune_allocator()  # before the first tensor: it changes how memory is allocated
    refuse_absent_device(config)
    refuse_launcher_plugins()
    config = config.model_copy(update={"parallel": requested_mode(config.parallel)})
    packed.check(hashes=config.verify or not (config.output / "manifest.json").exists())
    make_batch = batches_for(config, packed)
    refuse_long_rows(config, packed)
    inputs, initial_tensors = inputs_and_weights(config, packed)
    config = with_steps(config, packed)
    if config.dry_run:
        if config.hours is None:
            _warn(schedule_warnings(config.optim.lr, config.steps, config.schedule))
        return forecast_run(config, packed, make_batch)

    refuse_mode(config.parallel, ranks(), config.model, config.optim.algorithm)
    with process_group(config.device), ExitStack() as stack:
        config = within_hours(config, packed, make_batch)
        run = RunFolder(config, inputs.records, config.steps, config.may_change)
        if finished := on_rank_zero(lambda: run.claim(stack)):
            return finished
        if config.hours is not None:
            on_rank_zero(lambda: run.record_steps(config.hours, config.steps))
        _warn(schedule_warnings(config.optim.lr, config.steps, config.schedule))
        if config.model.dropout and any(map(CHANGES_DROPOUT.match, run.changed)):
            _warn(["the dropout masks change with it from here on, as with another seed"])
        if run.resumes:
            _warn(schedule_jump(*run.resumes, config.optim.lr, config.steps, config.schedule))
        precision: Precision = on_rank_zero(lambda: resolve_precision(config, run))
        accelerator = accelerator_for(config.device, precision)
        on_rank_zero(lambda: _describe(config, packed))
        losses: dict[str, float] = {}
        progress = _train(config, packed, make_batch, run, accelerator, losses, initial_tensors)
        if progress.step < config.steps:
            raise Interrupted(
                f"stopped after step {progress.step} of {config.steps}, with a checkpoint",
                "the same command resumes",
            )
        return on_rank_zero(lambda: _complete(config, packed, run, accelerator, progress, losses))


def _warn(messages: list[str]) -> None:
    for message in messages:
        warn(message)


def _describe(config: PretrainConfig, packed: PackedInputs) -> None:
    """Write the model's description, and a copy of its tokenizer."""
    details = packed.manifest.details
    scratch = config.output / PARTIAL
    description = Description(
        model=config.model.model_dump(mode="json"),
        vocabulary_size=details["vocabulary_size"],
        sequence_length=packed.sequence_length,
        objective=config.objective,
        objective_options=config.objective_group(),
        tokenizer=details["tokenizer"],
        bos=details["bos"],
        eos=details["eos"],
    )
    (config.output / TOKENIZER).mkdir(exist_ok=True)
    for file in sorted((packed.path / TOKENIZER).iterdir()):
        with atomic_write(config.output / TOKENIZER / file.name, scratch) as path:
            path.write_bytes(file.read_bytes())
    write_description(description, config.output, scratch)


def _train(
    config: PretrainConfig,
    packed: PackedInputs,
    make_batch: MakeBatch,
    run: "RunFolder",
    accelerator: "Accelerator",
    losses: dict[str, float],
    initial_tensors: "dict[str, Tensor]",
) -> "Progress":
    """Train from the last checkpoint, or from scratch, to the last step.

    `losses` gets the latest loss on the held-out sequences of each folder; `initial_tensors` is
    emptied once the model has them.
    """
    data, device = packed.rows(), accelerator.device
    size = packed.manifest.details["vocabulary_size"]
    model = Transformer(config.model, size, seed=config.seed)
    model.recompute(config.activation_checkpointing)
    if initial_tensors:
        copy_weights(model, initial_tensors)
        initial_tensors.clear()
    model = model.to(device)
    micro_batch = resolve_micro_batch(config, packed, make_batch, run, model, accelerator)
    recipe = recipe_for(config, packed, len(data), micro_batch)
    parallelism = Parallelism(model, accelerator, config.parallel)
    scored_batches = batches_for(config, packed, scored=True)
    validate = validation(
        parallelism, packed.held_out(), scored_batches, recipe.micro_batch, losses
    )
    with stop_signals(config.time_limit) as should_stop:
        session = Session(
            run=config.output,
            recipe=recipe,
            recipe_hash=run.recipe,
            parallelism=parallelism,
            optimizer=optimizer_of(
                [(shard.name, shard.local) for shard in parallelism.local_shards], config.optim
            ),
            data=data,
            make_batch=make_batch,
            order=packed.order(data),
            validate=validate,
            should_stop=should_stop,
            scale=LossScale(device) if accelerator.mixed_precision == "fp16" else None,
            keep=config.keep_checkpoints,
            log_every=config.log_every,
            stall_timeout=config.stall_timeout,
        )
        progress = session.train()
    if validate and not losses and progress.step == config.steps:
        validate()  # the last step was another process's
    barrier()
    return progress


def _complete(
    config: PretrainConfig,
    packed: PackedInputs,
    run: "RunFolder",
    accelerator: "Accelerator",
    progress: "Progress",
    losses: dict[str, float],
) -> Manifest:
    sequences_read = progress.step * sequences_per_batch(config, packed.sequence_length)
    facts = packed.facts(sequences_read, {name: finite(loss) for name, loss in losses.items()})
    last = deque(read(config.output), maxlen=1)
    details = {
        "parameters": parameters(config.model, packed.manifest.details["vocabulary_size"]),
        "loss": finite(last[0].loss) if last else None,
        "validation_loss": progress.validation_loss,
        "skipped_steps": progress.skipped,
        "dropped_tokens": progress.dropped,
        "device": str(accelerator.device),
        "precision": "fp32" if accelerator.mixed_precision == "no" else accelerator.mixed_precision,
        "processes": ranks(),
        "mixture": facts,
    }
    return run.complete(details, progress.step, progress.tokens)


def result_text(config: "PretrainConfig", manifest: "Manifest | Forecast") -> str:
    """Return a line about the trained model, or the forecast."""
    if not isinstance(manifest, Manifest):
        return manifest.shown()
    details = manifest.details
    held_out = details["validation_loss"]
    measured = "" if held_out is None else f", validation loss {held_out:.4f}"
    steps, tokens = manifest.counts.more["steps"], manifest.counts.more["tokens"]
    return (
        f"{config.output}: {details['parameters']:,} parameters, {steps:,} steps, "
        f"{tokens:,} tokens{measured}"
    )
