"""Pretrain: train a language model on sequences of tokens.

    resolve    options, packed folders and device, into a plan; what can't be is an error
    open       claim the folder, settle what is determined once, describe the model
    build      model, data, optimizer, validation
    train      to the last step, saving on the way
    finish     write the manifest

Choices:
- One process per device under Accelerate. Only rank zero plans, locks the folder and writes.
- Neither the order of the data nor the randomness has a state: both depend on the seed and the
  step. So a run that is stopped in any way and resumed is the same as one that never stopped.
"""

import re
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from accelerate import Accelerator

from lmkit.artifacts.manifest import Manifest
from lmkit.artifacts.tasks import PARTIAL
from lmkit.commands.pretrain.build_session import build_session
from lmkit.commands.pretrain.compile_choice import compiled_in
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.resolve import RunPlan, resolve
from lmkit.commands.pretrain.trial import dry_run, within_hours
from lmkit.errors import Interrupted
from lmkit.execution.progress import log_message, warn
from lmkit.execution.ranks import ranks
from lmkit.model.cost import parameters
from lmkit.storage.atomic_files import atomic_write
from lmkit.training.checkpoints.averaging import averaged_checkpoints, complete, write_mean
from lmkit.training.checkpoints.layout import step_of
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.checkpoints.run_record import AverageRecord, RunRecord
from lmkit.training.checkpoints.save_load import load_model
from lmkit.training.checkpoints.trained_model import TOKENIZER, Description, write_description
from lmkit.training.distributed.launch import accelerator_for
from lmkit.training.distributed.rank_zero import barrier, on_rank_zero, process_group
from lmkit.training.loop import Progress
from lmkit.training.metrics import finite, read
from lmkit.training.options import OVERRIDABLE
from lmkit.training.planning.forecast import Forecast
from lmkit.training.precision import Precision, choose_precision
from lmkit.training.schedule_warnings import schedule_jump, schedule_warnings
from lmkit.training.session import Session
from lmkit.training.stop_signals import stop_signals

CHANGES_DROPOUT = re.compile("--(micro-batch|parallel) ")
"""Changes on which the shapes of the random dropout masks depend."""


def pretrain(config: PretrainConfig) -> Manifest | Forecast:
    """Train to the last step, saving on the way; return the run's manifest.

    With `dry_run`, return a forecast instead.
    """
    plan = resolve(config)
    if config.dry_run:
        return dry_run(plan)
    with process_group(config.device), ExitStack() as stack:
        run = open_run(plan, stack)
        if isinstance(run, Manifest):
            return run
        session = build_session(run.plan, run.folder, run.accelerator)
        with stop_signals(config.time_limit) as should_stop:
            progress = session.train(should_stop)
        return finish(run, session, progress)


@dataclass(frozen=True)
class OpenRun:
    """A run whose folder this process group has claimed."""

    plan: RunPlan
    """With the steps of --hours."""
    folder: RunFolder
    accelerator: Accelerator


def open_run(plan: RunPlan, stack: ExitStack) -> OpenRun | Manifest:
    """Claim the run's folder until the stack unwinds; return its manifest if it is finished."""
    timed = within_hours(plan)
    options = timed.options
    folder = RunFolder(
        timed.recorded,
        timed.inputs.records,
        timed.steps,
        options.may_change,
        frozenset(OVERRIDABLE[name] for name in options.override),
        timed.earlier,
    )
    if finished := on_rank_zero(lambda: folder.claim(stack)):
        return finished
    if options.hours is not None:
        on_rank_zero(lambda: folder.record_steps(options.hours, timed.steps))
    if options.optim.lr == "auto":
        on_rank_zero(lambda: folder.record_automatic("lr", timed.automatic_lr))
    if options.schedule.warmup_steps == "auto":
        on_rank_zero(lambda: folder.record_automatic("warmup", timed.schedule.warmup))
    tasks = timed.tasks
    if tasks is not None:
        on_rank_zero(lambda: folder.record_tasks(tasks.digests))
    _warn_of_changes(timed, folder)
    accelerator = accelerator_for(options.device, on_rank_zero(lambda: _precision(timed, folder)))
    on_rank_zero(lambda: _describe(timed))
    return OpenRun(timed, folder, accelerator)


def finish(run: OpenRun, session: Session, progress: Progress) -> Manifest:
    """Write the manifest; Interrupted where there are steps left."""
    plan, validate = run.plan, session.validate
    if validate and not validate.losses and progress.step == plan.steps:
        validate()  # the last step was another process's
    barrier()
    if progress.step < plan.steps:
        raise Interrupted(
            f"stopped after step {progress.step} of {plan.steps}, with a checkpoint",
            "the same command resumes",
        )
    losses = dict(validate.losses) if validate else {}
    record = _record(run, progress, losses)
    if plan.options.average is not None:
        record = record.model_copy(update={"average": _average(plan.options.average, session)})
    return on_rank_zero(lambda: run.folder.complete(record, progress.step, progress.tokens))


def _average(count: int, session: Session) -> AverageRecord:
    """Write and validate the mean of the last checkpoints; the model has its weights then."""
    run, validate = session.run, session.validate
    paths = averaged_checkpoints(run, count, session.recipe.saves_after)
    steps = tuple(map(step_of, paths))
    if len(paths) < count:
        warn(f"--average {count}: there are only {len(paths)} checkpoints of --save-every")
    partial = on_rank_zero(lambda: write_mean(run, paths))
    load_model(partial, session.parallelism.model)
    loss = finite(validate()) if validate else None
    on_rank_zero(lambda: complete(run, partial, paths[-1], loss))
    measured = "" if loss is None else f": validation loss {loss:.4f}"
    log_message(f"mean of the checkpoints of {', '.join(f'{s:,}' for s in steps)} steps{measured}")
    return AverageRecord(steps=steps, validation_loss=loss)


def _warn_of_changes(plan: RunPlan, folder: RunFolder) -> None:
    """Warn of an odd schedule, and of what is another from here on."""
    peak, schedule = plan.optim.peak_lr, plan.schedule
    messages = schedule_warnings(peak, plan.steps, schedule)
    if plan.model.dropout and any(map(CHANGES_DROPOUT.match, folder.changed)):
        messages.append("the dropout masks change with it from here on, as with another seed")
    if folder.resumes:
        messages += schedule_jump(*folder.resumes, peak, plan.steps, schedule)
        if plan.options.optim.lr == "auto" and peak != plan.computed_lr:
            messages.append(
                f"the learning rate remains {peak:g}, as --optim.lr auto was when the run started; "
                f"a new run like it would get {plan.computed_lr:g}"
            )
    for message in messages:
        warn(message)


def _precision(plan: RunPlan, folder: RunFolder) -> Precision:
    """Return the precision: as typed, or as determined when the run started."""
    typed = plan.options.precision
    if typed != "auto":
        return typed
    return cast(Precision, folder.resolve("precision", lambda: choose_precision(plan.device)))


def _describe(plan: RunPlan) -> None:
    """Write the model's description, and a copy of its tokenizer."""
    record, output = plan.packed.record, plan.options.output
    scratch = output / PARTIAL
    description = Description(
        model=plan.model.model_dump(mode="json"),
        vocabulary_size=record.vocabulary_size,
        sequence_length=record.sequence_length,
        objective=plan.options.objective,
        objective_options=plan.options.objective_group(),
        tokenizer=record.tokenizer,
        bos=record.bos,
        eos=record.eos,
        trained_positions=plan.trained_positions,
    )
    (output / TOKENIZER).mkdir(exist_ok=True)
    for file in sorted((plan.packed.path / TOKENIZER).iterdir()):
        with atomic_write(output / TOKENIZER / file.name, scratch) as path:
            path.write_bytes(file.read_bytes())
    write_description(description, output, scratch)


def _record(run: OpenRun, progress: Progress, losses: dict[str, float]) -> RunRecord:
    """Return the results of a run; `losses` are those on the held-out sequences of each folder."""
    plan, accelerator = run.plan, run.accelerator
    last = deque(read(plan.options.output), maxlen=1)
    return RunRecord(
        parameters=parameters(plan.model, plan.vocabulary_size),
        loss=finite(last[0].loss) if last else None,
        validation_loss=progress.validation_loss,
        peak_lr=plan.optim.peak_lr,
        skipped_steps=progress.skipped,
        dropped_tokens=progress.dropped,
        device=str(accelerator.device),
        precision="fp32" if accelerator.mixed_precision == "no" else accelerator.mixed_precision,
        compiled=compiled_in(plan, run.folder),
        processes=ranks(),
        mixture=tuple(
            plan.packed.facts(
                plan.batch_sizes.before(progress.step + 1),
                {name: finite(loss) for name, loss in losses.items()},
            )
        ),
    )


def result_text(config: "PretrainConfig", manifest: "Manifest | Forecast") -> str:
    """Return a line about the trained model, or the forecast."""
    if not isinstance(manifest, Manifest):
        return manifest.shown()
    record = RunRecord.from_manifest(manifest, config.output)
    held_out = record.validation_loss
    measured = "" if held_out is None else f", validation loss {held_out:.4f}"
    steps, tokens = manifest.counts.more["steps"], manifest.counts.more["tokens"]
    return (
        f"{config.output}: {record.parameters:,} parameters, {steps:,} steps, "
        f"{tokens:,} tokens{measured}"
    )
