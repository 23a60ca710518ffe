"""The plan of a run: its options, resolved with its inputs.

Choices:
- Options are inert; here they are combined with the packed folders, the device and the other model,
  once, into a plan. Nothing is written: a mistake that can be known is reported before.
- Checks that read least come first.
- Learned positions that no sequence reaches would stay random. So there are as many as the packed
  sequences need, unless more were asked for, by --model.max-positions or a preset; then this is
  reported, and export leaves out what wasn't trained. A run that resumes keeps what it has.
- What is determined once (precision, micro-batch, steps for a number of hours) is stored with the
  run, and read again when it resumes.
"""

from dataclasses import dataclass, replace

import torch

from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.overlap import refuse_overlap
from lmkit.commands.pretrain.batch_plan import (
    batch_size,
    batch_sizes,
    overridden,
    sequences_per_batch,
    with_values,
)
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.run_defaults import model_with_defaults, with_recorded_defaults
from lmkit.errors import ConfigError
from lmkit.evaluation.tasks.task_scorer import ScoredModel
from lmkit.execution.progress import log_message, warn
from lmkit.execution.ranks import ranks
from lmkit.model.context_length import context_length
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.objective import Packing, objective_of
from lmkit.objectives.options import check_compatible
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.initial_weights import InitialTensors, InitialWeights
from lmkit.training.checkpoints.layout import newest_first
from lmkit.training.checkpoints.overrides import EarlierOptions, recorded_options
from lmkit.training.checkpoints.resolved_values import known_lr, known_warmup
from lmkit.training.data.batch_sizes import BatchSizes
from lmkit.training.data.packed_inputs import PackedInputs
from lmkit.training.distributed.launch import (
    ParallelMode,
    refuse_launcher_plugins,
    requested_mode,
)
from lmkit.training.distributed.parallelism import refuse_mode
from lmkit.training.evaluations.planned_prompts import (
    PlannedPrompts,
    plan_prompts,
    refuse_prompts,
)
from lmkit.training.evaluations.planned_tasks import PlannedTasks, plan_tasks
from lmkit.training.evaluations.stand_in import StandIn
from lmkit.training.learning_rate_rule import learning_rate_of_run
from lmkit.training.options import OptimConfig, ScheduleConfig
from lmkit.training.planning.glibc_allocator import tune_allocator
from lmkit.training.planning.least_memory import refuse_too_large
from lmkit.training.precision import find_device, refuse_fp16
from lmkit.training.run_length import requested_steps
from lmkit.training.schedule import automatic_warmup
from lmkit.training.tracking.registry import refuse_missing
from lmkit.training.training_recipe import EarlierSteps, Recipe

MICRO_BATCH_TOKENS = 8_192


@dataclass(frozen=True)
class RunPlan:
    """What a run is, before anything of it is built or written."""

    options: PretrainConfig
    """As typed; what the plan has a field for is that field instead."""
    model: ModelConfig
    """The model's options, those of --init-from where that is given."""
    parallel: ParallelMode
    steps: int
    """For the given steps, tokens or epochs; with --hours, once a trial has determined them."""
    packed: PackedInputs
    device: torch.device
    make_batch: MakeBatch
    scored_batches: MakeBatch
    """Makes the batches of validation."""
    inputs: Inputs
    """The packed folders, and the model of --init-from."""
    initial_tensors: InitialTensors | None = None
    """Its weights, which the run's model takes; None where there are none, or it resumes."""
    trained_positions: int | None = None
    """How many of its learned positions the sequences train, or the model of --init-from had
    trained; None where positions aren't learned."""
    tasks: PlannedTasks | None = None
    """What is scored while training."""
    prompts: PlannedPrompts | None = None
    """What is continued while training."""
    earlier: tuple[EarlierOptions, ...] = ()
    """What the first steps were trained with, where that is overridden."""
    known_lr: float | None = None
    """What `--optim.lr auto` was when the run started; None in a new run."""
    known_warmup: int | None = None
    """What `--schedule.warmup-steps auto` was then."""

    @property
    def automatic_lr(self) -> float:
        """What `--optim.lr auto` is: in a run that resumes, what it was."""
        return self.known_lr or self.computed_lr

    @property
    def computed_lr(self) -> float:
        """What `--optim.lr auto` is in a new run."""
        return learning_rate_of_run(
            self.options.optim.algorithm,
            self.model,
            sequences=self.batch_sizes.before(self.steps + 1),
            length=self.packed.sequence_length,
            batch_tokens=self.options.batch_tokens,
        )

    @property
    def optim(self) -> OptimConfig:
        """The options of the optimizer, with a number for the learning rate."""
        optim = self.options.optim
        return optim.model_copy(update={"lr": self.automatic_lr}) if optim.lr == "auto" else optim

    @property
    def schedule(self) -> ScheduleConfig:
        """The options of the schedule, with a number for the steps of the warm-up."""
        return self._with_warmup(self.options.schedule)

    def _with_warmup(self, schedule: ScheduleConfig) -> ScheduleConfig:
        if schedule.warmup_steps != "auto":
            return schedule
        known = self.known_warmup
        steps = automatic_warmup(self.steps, schedule) if known is None else known
        return schedule.model_copy(update={"warmup_steps": steps})

    @property
    def recorded(self) -> PretrainConfig:
        """The options as a manifest records them."""
        resolved = {"model": self.model, "parallel": self.parallel, "steps": self.steps}
        return self.options.model_copy(update=resolved)

    @property
    def vocabulary_size(self) -> int:
        """Tokens of the tokenizer."""
        return self.packed.record.vocabulary_size

    @property
    def global_batch_size(self) -> int:
        """Sequences of a step."""
        return sequences_per_batch(self.options, self.packed.sequence_length)

    @property
    def batch_sizes(self) -> BatchSizes:
        """How many sequences each batch has."""
        return batch_sizes(self.options, self.packed.sequence_length, self.earlier)

    @property
    def is_sharded(self) -> bool:
        """Whether each process has a part of the weights."""
        return self.parallel != "ddp" and ranks() > 1

    @property
    def rows_per_rank(self) -> int:
        """Most sequences of a step on one data-parallel rank, now or before an --override.

        So the steps before are divided into the same micro-batches if they are trained again.
        """
        data_parallel_size = 1 if self.parallel == "tensor" else ranks()
        return -(-self.batch_sizes.most // data_parallel_size)

    @property
    def default_micro_batch(self) -> int:
        """Sequences to compute at a time, where nothing is measured."""
        default = max(1, MICRO_BATCH_TOKENS // self.packed.sequence_length)
        typed = self.options.micro_batch
        return min(self.rows_per_rank, typed if isinstance(typed, int) else default)

    def scored_model(self, model: Transformer) -> ScoredModel:
        """Return a model with what is needed to score texts."""
        tokenizer = Tokenizer.load(self.packed.path / "tokenizer")
        length = self.packed.sequence_length
        return ScoredModel(
            model,
            tokenizer,
            objective_of(self.options),
            packing_of(self.packed),
            self.trained_positions or self.model.longest or context_length(self.model, length),
        )

    def recipe(self, rows: int, micro_batch: int) -> Recipe:
        """Return the recipe of the training loop; print what isn't the preset's, batch and epochs.

        Args:
            rows: sequences that there are to train on.
            micro_batch: sequences to compute at a time.

        """
        packed, options, size = self.packed, self.options, self.global_batch_size
        if changes := self.model.preset_changes_text:
            log_message(f"model: {changes}")
        read = self.batch_sizes.before(self.steps + 1)
        ramp = batch_size(options, packed.sequence_length)
        rise = f"rising from {ramp.first_rows:,} to " if ramp.ramp_steps else ""
        log_message(
            f"batch: {rise}{size:,} sequences of {packed.sequence_length:,} tokens, "
            f"{micro_batch:,} at a time; {self.steps:,} steps are {read / rows:.2f} epochs"
        )
        if options.optim.lr == "auto":
            log_message(f"learning rate: {self.automatic_lr:g}, by the rule of --optim.lr auto")
        for reads in packed.facts(read) if len(packed.folders) > 1 else []:
            fraction = f"{reads.share_of_tokens:.1%} of the tokens"
            log_message(f"  {reads.folder}: {fraction}, read {reads.epochs:.2f} times")
        return Recipe(
            seed=options.seed,
            steps=self.steps,
            global_batch_size=size,
            micro_batch=micro_batch,
            optim=self.optim,
            schedule=self.schedule,
            spike=options.spike,
            validate_every=options.validate_every,
            evaluate_every=options.eval.every if self.tasks else None,
            sample_every=options.sample.every if self.prompts else None,
            save_every=options.save_every,
            measure_every=options.log_every,
            ramp=ramp if ramp.ramp_steps else None,
            earlier=tuple(self._earlier_steps(each) for each in self.earlier),
        )

    def _earlier_steps(self, earlier: EarlierOptions) -> EarlierSteps:
        config = with_values(self.options, earlier.options)
        return EarlierSteps(
            earlier.last_step,
            earlier.last_batch,
            self.automatic_lr if config.optim.lr == "auto" else config.optim.lr,
            self._with_warmup(config.schedule),
            batch_size(config, self.packed.sequence_length),
        )


def resolve(config: PretrainConfig) -> RunPlan:
    """Return the plan of a run; an error names what can't be, or can't be read."""
    config = with_recorded_defaults(config)
    model = model_with_defaults(config, model_of(config))
    packed = PackedInputs.at(config.inputs, config.mixture.weights, config.output)
    tune_allocator()  # before the first tensor: it changes how memory is allocated
    device = find_device(config.device)
    refuse_fp16(config.precision, device)
    refuse_launcher_plugins()
    refuse_missing(config.track)
    parallel = requested_mode(config.parallel)
    model = _with_positions(config, model, packed)
    if not config.dry_run:
        _refuse_too_large(config, model, packed, device, parallel)
    packed.check(hashes=config.verify or not (config.output / "manifest.json").exists())
    make_batch, scored_batches = _batches(config, packed)
    _refuse_long_rows(config, model, packed)
    inputs, initial_tensors = _inputs_and_weights(config, packed)
    earlier = overridden(config)
    steps = requested_steps(
        config,
        as_typed="steps" in config.model_fields_set,
        batch_sizes=batch_sizes(config, packed.sequence_length, earlier),
        sequence_length=packed.sequence_length,
        rows=len(packed.rows()),
    )
    if not config.dry_run:
        refuse_mode(parallel, ranks(), model)
    trained_positions = _trained_positions(config, model, packed)
    plan = RunPlan(
        options=config,
        model=model,
        parallel=parallel,
        steps=steps,
        packed=packed,
        device=device,
        make_batch=make_batch,
        scored_batches=scored_batches,
        inputs=inputs,
        initial_tensors=initial_tensors,
        trained_positions=trained_positions,
        earlier=earlier,
        known_lr=None if config.overwrite else known_lr(config.output),
        known_warmup=None if config.overwrite else known_warmup(config.output),
    )
    return _with_tasks_and_prompts(plan)


def model_of(config: PretrainConfig) -> ModelConfig:
    """Return the options of the model, with the shape of --init-from, if that is given.

    Raises ConfigError where typed options of the model differ from it.
    """
    if config.init_from is None:
        return config.model
    initial_weights, typed = InitialWeights.at(config.init_from), config.model
    try:
        model = typed
        if typed.preset is None:  # a preset sets the full shape
            given = {name: getattr(typed, name) for name in typed.model_fields_set}
            model = ModelConfig.model_validate(initial_weights.options(given))
        if differences := initial_weights.differences(model):
            raise ConfigError("\n".join(f"{each}; leave it out" for each in differences))
        check_compatible(model.architecture, config.objective)
    except ValueError as error:  # pydantic's ValidationError is one, too
        raise ConfigError(f"--init-from: {config.init_from}: {error}") from None
    return model


def _batches(config: PretrainConfig, packed: PackedInputs) -> tuple[MakeBatch, MakeBatch]:
    """Return what makes batches of training and of validation; an error names missing tokens."""
    objective, packing = objective_of(config), packing_of(packed)
    tokenizer = Tokenizer.load(packed.path / "tokenizer")
    return objective.make(tokenizer, packing), objective.scored.make(tokenizer, packing)


def packing_of(packed: PackedInputs) -> Packing:
    """Return how the documents of a run were packed."""
    return Packing(packed.record.sequence_length, packed.record.bos, packed.record.eos)


def _with_tasks_and_prompts(plan: RunPlan) -> RunPlan:
    """Return a plan with its tasks and prompts; an error names what the model can't answer."""
    evaluation, sample = plan.options.eval, plan.options.sample
    if not evaluation.tasks and sample.prompts is None:
        return plan
    model = StandIn(plan.model, plan.vocabulary_size)
    scored = plan.scored_model(model)
    tasks = plan_tasks(evaluation, scored) if evaluation.tasks else None
    if sample.prompts is None:
        return replace(plan, tasks=tasks)
    if not plan.options.dry_run:
        refuse_prompts(plan.parallel, ranks())
    return replace(plan, tasks=tasks, prompts=plan_prompts(sample, scored))


def _refuse_too_large(
    config: PretrainConfig,
    model: ModelConfig,
    packed: PackedInputs,
    device: torch.device,
    parallel: ParallelMode,
) -> None:
    shards = 1 if parallel == "ddp" else ranks()
    refuse_too_large(model, packed.record.vocabulary_size, config.optim.algorithm, device, shards)


def _with_positions(
    config: PretrainConfig, model: ModelConfig, packed: PackedInputs
) -> ModelConfig:
    """Return the options of the model with as many learned positions as its sequences need."""
    asked_for = "max_positions" in config.model.model_fields_set or config.init_from is not None
    if model.longest is None or asked_for:
        return model
    positions = objective_of(config).positions_needed(packed.sequence_length)
    if not config.overwrite:
        recorded = recorded_options(config.output).get("model", {})
        positions = recorded.get("max_positions") or positions
    return model.model_copy(update={"max_positions": positions})


def _trained_positions(
    config: PretrainConfig, model: ModelConfig, packed: PackedInputs
) -> int | None:
    """Return how many learned positions are trained; warn where the model has more."""
    if model.longest is None:
        return None
    needed = objective_of(config).positions_needed(packed.sequence_length)
    before = InitialWeights.at(config.init_from).trained_positions if config.init_from else 0
    trained = min(model.longest, max(needed, before))
    if trained < model.longest:
        warn(
            f"the model has {model.longest:,} learned positions, and sequences of "
            f"{packed.sequence_length:,} tokens train {trained:,} of them: the others stay random, "
            "and lmkit export leaves them out"
        )
    return trained


def _refuse_long_rows(config: PretrainConfig, model: ModelConfig, packed: PackedInputs) -> None:
    """Raise ConfigError where the sequences are longer than the model's learned positions."""
    needed = objective_of(config).positions_needed(packed.sequence_length)
    if model.longest is not None and needed > model.longest:
        raise ConfigError(
            f"--model.max-positions: got {model.longest:,}, but sequences of "
            f"{packed.sequence_length:,} tokens need {needed:,} positions with --objective "
            f"{config.objective}",
            "pack shorter sequences, or choose more positions or another encoding: "
            "--model.position rotary",
        )


def _inputs_and_weights(
    config: PretrainConfig, packed: PackedInputs
) -> tuple[Inputs, InitialTensors | None]:
    """Return the inputs of the run, and its initial weights, if it has any.

    A run that resumes has its own weights, and they aren't read again.
    """
    if config.init_from is None:
        return packed.inputs, None
    initial_weights = InitialWeights.at(config.init_from)
    refuse_overlap(config.output, [initial_weights.path])
    resumes = not config.overwrite and bool(newest_first(config.output))
    tokenizer = Tokenizer.load(packed.path / "tokenizer")
    tensors = None if resumes else initial_weights.load(tokenizer)
    return packed.inputs.merged_with(initial_weights.inputs), tensors
