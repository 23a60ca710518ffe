"""The options of a run, resolved with its inputs.

Choices:
- Options are inert; here they are combined with the packed folders, the device and the other model.
- What is determined once (precision, micro-batch, steps for a number of hours) is stored with the
  run, and read again when it resumes.
"""

from collections.abc import Callable
from functools import cache
from typing import cast

import numpy as np
from accelerate import Accelerator
from torch import Tensor
from torch.optim import Optimizer

from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.output_folder import refuse_overlap
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.counter_rng import row_keys
from lmkit.errors import ConfigError
from lmkit.execution.progress import log_message
from lmkit.execution.ranks import ranks
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.objective import Packing, objective_of
from lmkit.objectives.options import ObjectiveConfig, check_compatible
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.initial_weights import InitialWeights
from lmkit.training.checkpoints.layout import newest_first
from lmkit.training.checkpoints.run_folder import RunFolder, resolved_steps
from lmkit.training.data.packed_inputs import PackedInputs
from lmkit.training.distributed.launch import accelerator_for
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.distributed.rank_zero import on_rank_zero
from lmkit.training.loop import Hooks, Progress, Recipe, train
from lmkit.training.optimizer import CombinedOptimizer, optimizer_of
from lmkit.training.planning.forecast import Forecast, forecast
from lmkit.training.planning.micro_batch import find_micro_batch, fits_by_estimate, fits_on_gpu
from lmkit.training.precision import Precision, choose_precision, find_device, refuse_fp16
from lmkit.training.run_length import requested_steps

MICRO_BATCH_TOKENS = 8_192


def with_initial_shape(config: PretrainConfig) -> PretrainConfig:
    """Return the options with the model's shape from --init-from, if that is given.

    Raises ConfigError where typed options of the model differ from it.
    """
    if config.init_from is None:
        return config
    initial_weights, model = InitialWeights.at(config.init_from), config.model
    try:
        if model.preset is None:  # a preset sets the full shape
            as_typed = model.model_dump(include=model.model_fields_set)
            model = ModelConfig.model_validate(initial_weights.options(as_typed))
        if differences := initial_weights.differences(model):
            raise ConfigError("\n".join(f"{each}; leave it out" for each in differences))
        check_compatible(model.architecture, config.objective)
    except ValueError as error:  # pydantic's ValidationError is one, too
        raise ConfigError(f"--init-from: {config.init_from}: {error}") from None
    return config.model_copy(update={"model": model})


def with_steps(config: PretrainConfig, packed: PackedInputs) -> PretrainConfig:
    """Return the options with the steps for the given tokens or epochs."""
    steps = requested_steps(
        config,
        as_typed="steps" in config.model_fields_set,
        global_batch_size=sequences_per_batch(config, packed.sequence_length),
        sequence_length=packed.sequence_length,
        rows=len(packed.rows()),
    )
    return config.model_copy(update={"steps": steps})


def within_hours(
    config: PretrainConfig, packed: PackedInputs, make_batch: MakeBatch
) -> PretrainConfig:
    """Return the options with the steps that the given hours are enough for.

    The number is determined when the run starts, and stored with it.
    """
    if config.hours is None:
        return config

    known = None if config.overwrite else on_rank_zero(lambda: resolved_steps(config.output))
    if known is None or known[0] != config.hours:
        trial_forecast = forecast_run(config, packed, make_batch)
        steps = on_rank_zero(lambda: trial_forecast.steps_in(config.hours or 0))
        known = (config.hours, steps)
        log_message(f"{config.hours:g} hours: time for about {steps:,} steps")
    return config.model_copy(update={"steps": known[1]})


def forecast_run(config: PretrainConfig, packed: PackedInputs, make_batch: MakeBatch) -> Forecast:
    """Return the expected cost of the run, from arithmetic and from a few discarded steps."""
    data, size = packed.rows(), packed.manifest.details["vocabulary_size"]
    micro_batch = _default_micro_batch(config, packed)
    recipe, order = recipe_for(config, packed, len(data), micro_batch), packed.order(data)
    device = find_device(config.device)
    precision = choose_precision(device) if config.precision == "auto" else config.precision
    numbers = np.arange(min(recipe.micro_batch, len(data)))
    batch = make_batch(data.read(numbers), row_keys(config.seed, 1, numbers))

    @cache
    def setup() -> "tuple[Parallelism, Optimizer | CombinedOptimizer]":
        accelerator = accelerator_for(config.device, precision)
        model = Transformer(config.model, size, seed=config.seed).to(accelerator.device)
        model.recompute(config.activation_checkpointing)
        parallelism = Parallelism(model, accelerator, config.parallel)
        return parallelism, optimizer_of(
            [(shard.name, shard.local) for shard in parallelism.local_shards], config.optim
        )

    def trial(recipe: Recipe, report: Callable[[int], None]) -> None:
        hooks = Hooks(on_step=lambda record: report(record.tokens))
        train(*setup(), data, make_batch, recipe, Progress(), hooks, order)

    return forecast(
        config.model,
        size,
        recipe,
        batch,
        device=device,
        precision=precision,
        processes=ranks(),
        trial=trial,
    )


def inputs_and_weights(
    config: PretrainConfig, packed: PackedInputs
) -> "tuple[Inputs, dict[str, Tensor]]":
    """Return the inputs of the run, and its initial weights, if it has any.

    A run that resumes has its own weights, and they aren't read again.
    """
    initial_weights = InitialWeights.at(config.init_from) if config.init_from else None
    if initial_weights is None:
        return packed.inputs, {}
    refuse_overlap(config.output, [initial_weights.path])
    resumes = not config.overwrite and bool(newest_first(config.output))
    tokenizer = Tokenizer.load(packed.path / "tokenizer")
    weights = {} if resumes else initial_weights.load(tokenizer)
    return packed.inputs.merged_with(initial_weights.inputs), weights


def batches_for(
    config: ObjectiveConfig, packed: PackedInputs, *, scored: bool = False
) -> MakeBatch:
    """Return the function that makes batches; an InputError names missing special tokens."""
    objective, details = objective_of(config), packed.manifest.details
    packing = Packing(packed.sequence_length, details["bos"], details["eos"])
    tokenizer = Tokenizer.load(packed.path / "tokenizer")
    return (objective.scored if scored else objective).make(tokenizer, packing)


def refuse_long_rows(config: PretrainConfig, packed: PackedInputs) -> None:
    """Raise ConfigError where the sequences are longer than the model's learned positions."""
    needed, longest = (
        objective_of(config).positions_needed(packed.sequence_length),
        config.model.longest,
    )
    if longest is not None and needed > longest:
        raise ConfigError(
            f"--model.max-positions: got {longest:,}, but sequences of "
            f"{packed.sequence_length:,} tokens need {needed:,} positions with --objective "
            f"{config.objective}",
            "pack shorter sequences, or choose more positions or another encoding: "
            "--model.position rotary",
        )


def refuse_absent_device(config: PretrainConfig) -> None:
    """Raise ConfigError where the device isn't available, or doesn't support fp16."""
    if config.device not in {"auto", "cpu"} or config.precision == "fp16":
        refuse_fp16(config.precision, find_device(config.device))


def resolve_precision(config: PretrainConfig, run: "RunFolder") -> "Precision":
    """Return the precision: as typed, or as determined when the run started."""
    device = find_device(config.device)
    if config.precision != "auto":
        return config.precision
    return cast("Precision", run.resolve("precision", lambda: choose_precision(device)))


def sequences_per_batch(config: PretrainConfig, sequence_length: int) -> int:
    """Return the sequences of a global batch: --batch-tokens, rounded to whole sequences."""
    return max(1, round(config.batch_tokens / sequence_length))


def recipe_for(
    config: PretrainConfig, packed: PackedInputs, rows: int, micro_batch: int
) -> "Recipe":
    """Return the recipe of the training loop, and print the size of the batch and the epochs."""
    sequence_length = packed.sequence_length
    global_batch_size = sequences_per_batch(config, sequence_length)
    epochs = config.steps * global_batch_size / rows
    log_message(
        f"batch: {global_batch_size:,} sequences of {sequence_length:,} tokens, "
        f"{micro_batch:,} at a time; {config.steps:,} steps are {epochs:.2f} epochs"
    )
    for entry in packed.facts(config.steps * global_batch_size) if len(packed.folders) > 1 else []:
        fraction = f"{entry['share_of_tokens']:.1%} of the tokens"
        log_message(f"  {entry['folder']}: {fraction}, read {entry['epochs']:.2f} times")
    return Recipe(
        seed=config.seed,
        steps=config.steps,
        global_batch_size=global_batch_size,
        micro_batch=micro_batch,
        optim=config.optim,
        schedule=config.schedule,
        spike=config.spike,
        validate_every=config.validate_every,
        save_every=config.save_every,
    )


def _rows_per_rank(config: PretrainConfig, packed: PackedInputs) -> int:
    """Return the maximum number of sequences of a batch on one data-parallel rank."""
    data_parallel_size = 1 if config.parallel == "tensor" else ranks()
    return -(-sequences_per_batch(config, packed.sequence_length) // data_parallel_size)


def _default_micro_batch(config: PretrainConfig, packed: PackedInputs) -> int:
    """Return the sequences to compute at a time, where nothing is measured."""
    default = max(1, MICRO_BATCH_TOKENS // packed.sequence_length)
    requested = config.micro_batch if isinstance(config.micro_batch, int) else default
    return min(_rows_per_rank(config, packed), requested)


def resolve_micro_batch(
    config: PretrainConfig,
    packed: PackedInputs,
    make_batch: MakeBatch,
    run: "RunFolder",
    model: "Transformer",
    accelerator: "Accelerator",
) -> int:
    """Return the sequences to compute at a time; auto determines how many fit, once per run."""
    if config.micro_batch != "auto":
        return _default_micro_batch(config, packed)

    data, device = packed.rows(), accelerator.device

    def fits(rows: int) -> bool:
        numbers = np.arange(rows) % len(data)
        batch = make_batch(data.read(numbers), row_keys(config.seed, 1, numbers))
        bf16 = accelerator.mixed_precision != "no"
        if device.type != "cuda":
            size = packed.manifest.details["vocabulary_size"]
            return fits_by_estimate(config.model, size, batch, device, bf16=bf16)
        with accelerator.autocast():
            return fits_on_gpu(model, batch.tensors())

    return find_micro_batch(_rows_per_rank(config, packed), fits, device, run)
