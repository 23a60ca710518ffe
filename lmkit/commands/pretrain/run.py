"""Pretrain: teach a model its language, from rows of tokens.

Choices:
- One process per device under Accelerate. The first alone plans, owns the folder and writes.
- Nothing about the order of the data or the randomness has a state: both follow from the seed and
  the step. So a run that is stopped anyhow and continued is the run that never stopped.
"""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np

from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.manifest import Manifest
from lmkit.artifacts.output_folder import refuse_overlap
from lmkit.artifacts.tasks import PARTIAL
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.counter_rng import row_keys
from lmkit.errors import ConfigError, Interrupted
from lmkit.evaluation.perplexity import Score, score_rows
from lmkit.execution.progress import say
from lmkit.execution.ranks import ranks
from lmkit.model.cost import parameters
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.objectives.options import ObjectiveConfig, refuse_pair
from lmkit.objectives.registry import Objective, Packing, objective_of, places_needed, scored
from lmkit.packing.token_rows import TokenRows
from lmkit.storage.atomic_files import appearing
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.initial_weights import Beginning, fill
from lmkit.training.checkpoints.layout import newest_first
from lmkit.training.checkpoints.run_folder import RunFolder, resolved_steps
from lmkit.training.checkpoints.trained_model import TOKENIZER, Description, write_description
from lmkit.training.data.packed_inputs import Sources
from lmkit.training.distributed.launch import accelerator_for, refuse_owners, way_asked_for
from lmkit.training.distributed.parallelism import Team, refuse_way
from lmkit.training.distributed.rank_zero import joined, on_first, settle
from lmkit.training.loop import Hooks, Progress, Recipe, train
from lmkit.training.loss_scale import LossScale
from lmkit.training.metrics import finite, read
from lmkit.training.optimizer import Both, optimizer_of
from lmkit.training.planning.forecast import Forecast, forecast
from lmkit.training.planning.glibc_allocator import keep_memory
from lmkit.training.planning.micro_batch import find_rows, fits_by_estimate, fits_on_gpu
from lmkit.training.precision import Precision, choose_precision, find_device, refuse_fp16
from lmkit.training.run_length import steps_asked
from lmkit.training.session import Session
from lmkit.training.stop_signals import asked_to_stop

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor
    from torch.optim import Optimizer


MICRO_BATCH_TOKENS = 8_192


def pretrain(config: PretrainConfig) -> Manifest | Forecast:
    """Train until the last step, saving on the way; return the run's manifest.

    With `dry_run`, return what it would take instead.
    """
    config = _with_initial_shape(config)
    packed = Sources.at(config.inputs, config.mixture.weights, config.output)
    _keep_memory()
    _refuse_absent_device(config)
    refuse_owners()
    config = config.model_copy(update={"parallel": way_asked_for(config.parallel)})
    packed.check(hashes=config.verify or not (config.output / "manifest.json").exists())
    objective = _objective(config.to_learn, packed)
    _refuse_long_rows(config, packed)
    inputs, first_weights = _first_weights(config, packed)
    config = _with_steps(config, packed)
    if config.dry_run:
        return _foretell(config, packed, objective)

    refuse_way(config.parallel, ranks(), config.model, config.optim.algorithm)
    with joined(config.device), ExitStack() as stack:
        config = _within_hours(config, packed, objective)
        run = RunFolder(config, inputs.records, config.steps, config.may_change)
        if finished := on_first(lambda: run.claim(stack)):
            return finished
        if config.hours is not None:
            on_first(lambda: run.note_steps(config.hours, config.steps))
        precision: Precision = on_first(lambda: _precision(config, run))
        accelerator = accelerator_for(config.device, precision)
        on_first(lambda: _describe(config, packed))
        losses: dict[str, float] = {}
        progress = _train(config, packed, objective, run, accelerator, losses, first_weights)
        if progress.step < config.steps:
            raise Interrupted(
                f"stopped after step {progress.step} of {config.steps}, with a checkpoint",
                "the same command goes on where it stopped",
            )
        return on_first(lambda: _complete(config, packed, run, accelerator, progress, losses))


def _with_initial_shape(config: PretrainConfig) -> PretrainConfig:
    """Return the options with the model's shape from --init-from, if that is given.

    Raises ConfigError where options of the model were typed that differ from it.
    """
    if config.init_from is None:
        return config
    beginning, model = Beginning.at(config.init_from), config.model
    try:
        if model.preset is None:  # a preset says all of the shape
            typed = model.model_dump(include=model.model_fields_set)
            model = ModelConfig.model_validate(beginning.options(typed))
        if differences := beginning.differences(model):
            raise ConfigError("\n".join(f"{each}; leave it out" for each in differences))
        refuse_pair(model.architecture, config.objective)
    except ValueError as error:  # pydantic's ValidationError is one, too
        raise ConfigError(f"--init-from: {config.init_from}: {error}") from None
    return config.model_copy(update={"model": model})


def _with_steps(config: PretrainConfig, packed: Sources) -> PretrainConfig:
    """Return the options with the steps that tokens or passes over the text come to."""
    steps = steps_asked(
        config,
        typed="steps" in config.model_fields_set,
        rows_per_batch=_rows_per_batch(config, packed.sequence_length),
        sequence_length=packed.sequence_length,
        rows=len(packed.rows()),
    )
    return config.model_copy(update={"steps": steps})


def _within_hours(
    config: PretrainConfig, packed: Sources, objective: "Objective"
) -> PretrainConfig:
    """Return the options with the steps that so many hours are enough for.

    The number is found out when the run begins, and written down with it.
    """
    if config.hours is None:
        return config

    known = None if config.overwrite else on_first(lambda: resolved_steps(config.output))
    if known is None or known[0] != config.hours:
        tried = _foretell(config, packed, objective)
        found = on_first(lambda: tried.steps_in(config.hours or 0))
        known = (config.hours, found)
        say(f"{config.hours:g} hours: time for about {found:,} steps")
    return config.model_copy(update={"steps": known[1]})


def _foretell(config: PretrainConfig, packed: Sources, objective: "Objective") -> Forecast:
    """Say what the run would take, from arithmetic and from a few steps that are thrown away."""
    data, size = packed.rows(), packed.manifest.details["vocabulary_size"]
    micro_batch = _usual_micro_batch(config, packed)
    recipe, order = _recipe(config, packed, len(data), micro_batch), packed.order(data)
    device = find_device(config.device)
    precision = choose_precision(device) if config.precision == "auto" else config.precision
    numbers = np.arange(min(recipe.micro_batch, len(data)))
    batch = objective(data.read(numbers), row_keys(config.seed, 1, numbers))

    @cache
    def made() -> "tuple[Team, Optimizer | Both]":
        accelerator = accelerator_for(config.device, precision)
        model = Transformer(config.model, size, seed=config.seed).to(accelerator.device)
        model.recompute(config.activation_checkpointing)
        team = Team(model, accelerator, config.parallel)
        return team, optimizer_of([(one.name, one.own) for one in team.held], config.optim)

    def trial(recipe: Recipe, tell: Callable[[int], None]) -> None:
        hooks = Hooks(on_step=lambda record: tell(record.tokens))
        train(*made(), data, objective, recipe, Progress(), hooks, order)

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


def _first_weights(config: PretrainConfig, packed: Sources) -> "tuple[Inputs, dict[str, Tensor]]":
    """Return all that the run is made from, and the weights that it begins with, if any.

    A run that goes on has its own, and they aren't read again.
    """
    beginning = Beginning.at(config.init_from) if config.init_from else None
    if beginning is None:
        return packed.inputs, {}
    refuse_overlap(config.output, [beginning.path])
    goes_on = not config.overwrite and bool(newest_first(config.output))
    tokenizer = Tokenizer.load(packed.path / "tokenizer")
    found = {} if goes_on else beginning.load(tokenizer)
    return packed.inputs.beside(beginning.inputs), found


def _objective(config: ObjectiveConfig, packed: Sources) -> "Objective":
    """Return what makes batches of the rows; an InputError names what their tokenizer lacks."""
    details = packed.manifest.details
    packing = Packing(packed.sequence_length, details["begin"], details["end"])
    return objective_of(config, Tokenizer.load(packed.path / "tokenizer"), packing)


def _refuse_long_rows(config: PretrainConfig, packed: Sources) -> None:
    needed, longest = places_needed(config.to_learn, packed.sequence_length), config.model.longest
    if longest is not None and needed > longest:
        raise ConfigError(
            f"--model.max-positions: got {longest:,}, but rows of {packed.sequence_length:,} "
            f"tokens take {needed:,} places with --objective {config.objective}",
            "pack shorter rows, or choose more positions or another kind: --model.position rotary",
        )


def _keep_memory() -> None:
    # Before the first tensor: it changes how memory is asked for.

    keep_memory()


def _refuse_absent_device(config: PretrainConfig) -> None:
    if config.device not in {"auto", "cpu"} or config.precision == "fp16":
        refuse_fp16(config.precision, find_device(config.device))


def _precision(config: PretrainConfig, run: "RunFolder") -> "Precision":
    """Return what to compute in: as typed, or as found out when the run began."""
    device = find_device(config.device)
    if config.precision != "auto":
        return config.precision
    return cast("Precision", run.resolve("precision", lambda: choose_precision(device)))


def _describe(config: PretrainConfig, packed: Sources) -> None:
    """Write what the model is, and a copy of its tokenizer."""
    details = packed.manifest.details
    scratch = config.output / PARTIAL
    description = Description(
        model=config.model.model_dump(mode="json"),
        vocabulary_size=details["vocabulary_size"],
        sequence_length=packed.sequence_length,
        objective=config.objective,
        objective_options=config.own_options(),
        tokenizer=details["tokenizer"],
        begin=details["begin"],
        end=details["end"],
    )
    (config.output / TOKENIZER).mkdir(exist_ok=True)
    for file in sorted((packed.path / TOKENIZER).iterdir()):
        with appearing(config.output / TOKENIZER / file.name, scratch) as path:
            path.write_bytes(file.read_bytes())
    write_description(description, config.output, scratch)


def _train(
    config: PretrainConfig,
    packed: Sources,
    objective: "Objective",
    run: "RunFolder",
    accelerator: "Accelerator",
    losses: dict[str, float],
    first_weights: "dict[str, Tensor]",
) -> "Progress":
    """Train from the last checkpoint, or from the beginning, to the last step.

    `losses` takes the loss on the held-out rows of each folder, as it was last; `first_weights` are
    emptied, once the model has them.
    """
    data, device = packed.rows(), accelerator.device
    size = packed.manifest.details["vocabulary_size"]
    model = Transformer(config.model, size, seed=config.seed)
    model.recompute(config.activation_checkpointing)
    if first_weights:
        fill(model, first_weights)
        first_weights.clear()
    model = model.to(device)
    micro_batch = _micro_batch(config, packed, objective, run, model, accelerator)
    recipe = _recipe(config, packed, len(data), micro_batch)
    team = Team(model, accelerator, config.parallel)
    asked = _objective(scored(config.to_learn), packed)
    validate = _validation(team, packed.held_out(), asked, recipe.micro_batch, losses)
    with asked_to_stop(config.time_limit) as should_stop:
        session = Session(
            run=config.output,
            recipe=recipe,
            recipe_hash=run.recipe,
            team=team,
            optimizer=optimizer_of([(one.name, one.own) for one in team.held], config.optim),
            data=data,
            objective=objective,
            order=packed.order(data),
            validate=validate,
            should_stop=should_stop,
            scale=LossScale(device) if accelerator.mixed_precision == "fp16" else None,
            keep=config.keep,
            log_every=config.log_every,
            stall_timeout=config.stall_timeout,
        )
        progress = session.train()
    if validate and not losses and progress.step == config.steps:
        validate()  # the last step was another process's
    settle()
    return progress


def _rows_per_batch(config: PretrainConfig, sequence_length: int) -> int:
    return max(1, round(config.batch_tokens / sequence_length))


def _recipe(config: PretrainConfig, packed: Sources, rows: int, micro_batch: int) -> "Recipe":
    sequence_length = packed.sequence_length
    rows_per_batch = _rows_per_batch(config, sequence_length)
    passes = config.steps * rows_per_batch / rows
    say(
        f"batch: {rows_per_batch:,} rows of {sequence_length:,} tokens, "
        f"{micro_batch:,} at a time; {config.steps:,} steps read the text "
        f"{passes:.2f} times"
    )
    for fact in packed.facts(config.steps * rows_per_batch) if len(packed.folders) > 1 else []:
        part = f"{fact['share_of_tokens']:.1%} of the tokens"
        say(f"  {fact['folder']}: {part}, read {fact['epochs']:.2f} times")
    return Recipe(
        seed=config.seed,
        steps=config.steps,
        rows_per_batch=rows_per_batch,
        micro_batch=micro_batch,
        optim=config.optim,
        schedule=config.schedule,
        spike=config.spike,
        validate_every=config.validate_every,
        save_every=config.save_every,
    )


def _share(config: PretrainConfig, packed: Sources) -> int:
    """Return the rows of a batch that one process reads, at most."""
    readers = 1 if config.parallel == "tensor" else ranks()
    return -(-_rows_per_batch(config, packed.sequence_length) // readers)


def _usual_micro_batch(config: PretrainConfig, packed: Sources) -> int:
    """Return the rows to compute at a time, where nothing has to be tried."""
    usual = max(1, MICRO_BATCH_TOKENS // packed.sequence_length)
    asked = config.micro_batch if isinstance(config.micro_batch, int) else usual
    return min(_share(config, packed), asked)


def _micro_batch(
    config: PretrainConfig,
    packed: Sources,
    objective: "Objective",
    run: "RunFolder",
    model: "Transformer",
    accelerator: "Accelerator",
) -> int:
    """Return the rows to compute at a time; auto finds out how many fit, once a run."""
    if config.micro_batch != "auto":
        return _usual_micro_batch(config, packed)

    data, device = packed.rows(), accelerator.device

    def fits(rows: int) -> bool:
        numbers = np.arange(rows) % len(data)
        batch = objective(data.read(numbers), row_keys(config.seed, 1, numbers))
        bf16 = accelerator.mixed_precision != "no"
        if device.type != "cuda":
            size = packed.manifest.details["vocabulary_size"]
            return fits_by_estimate(config.model, size, batch, device, bf16=bf16)
        with accelerator.autocast():
            return fits_on_gpu(model, batch.tensors())

    return find_rows(_share(config, packed), fits, device, run)


def _validation(
    team: "Team",
    held_out: "dict[str, TokenRows]",
    objective: "Objective",
    micro_batch: int,
    losses: dict[str, float],
) -> "Callable[[], float] | None":
    """Return a function that measures the loss on all held-out rows, shared out over the ranks.

    It is a mean over tokens, whichever folder they are in; `losses` takes that of each folder.
    """
    if not held_out:
        return None
    import torch

    device, context = team.accelerator.device, lambda: team.accelerator.autocast()

    def own(rows: "TokenRows") -> Score:
        shares = np.array_split(np.arange(len(rows)), team.readers)
        passes = [-(-len(share) // micro_batch) for share in shares]
        score = Score(0.0, 0, 0)
        if len(share := shares[team.reader]):
            score = score_rows(team.model, rows, share, micro_batch, device, context, objective)
        if team.way == "fsdp":
            # The others need this process's part of the weights as often as they ask.
            for _ in range(max(passes) - passes[team.reader]):
                score_rows(team.model, rows, np.zeros(1, int), 1, device, context, objective)
        return score

    def validate() -> float:
        scores = [own(rows) for rows in held_out.values()]
        if team.readers > 1:
            sums = [[score.nll, score.tokens] for score in scores]
            whole = team.summed(torch.tensor(sums, device=device).double())
            scores = [Score(nll, int(tokens), 0) for nll, tokens in whole.tolist()]
        losses.update((name, s.loss) for name, s in zip(held_out, scores, strict=True))
        return sum(scores, Score(0.0, 0, 0)).loss

    return validate


def _complete(
    config: PretrainConfig,
    packed: Sources,
    run: "RunFolder",
    accelerator: "Accelerator",
    progress: "Progress",
    losses: dict[str, float],
) -> Manifest:
    places = progress.step * _rows_per_batch(config, packed.sequence_length)
    facts = packed.facts(places, {name: finite(loss) for name, loss in losses.items()})
    last = deque(read(config.output), maxlen=1)
    details = {
        "parameters": parameters(config.model, packed.manifest.details["vocabulary_size"]),
        "loss": last[0].loss if last else None,
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
    """Say how large the model is and how far it came, or what a forecast expects."""
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
