"""A run in one of its processes: restore, train, save, and roll back after a loss spike.

Choices:
- Only rank zero writes. What it writes is gathered from all.
- A checkpoint is written in the background (`background_saver`); of sharded weights only its end is
  (`streamed_save`). Where it fails during training, the older ones are kept and training continues.
  Only the last one has to succeed.
- A rollback resumes from the last checkpoint, with the batches since counted as skipped. That count
  is kept in memory until the next checkpoint: a run that is killed before meets the same spike
  again, and rolls back again.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from torch.optim import Optimizer

from lmkit.errors import LmkitError
from lmkit.execution.progress import log_message, warn
from lmkit.execution.ranks import rank, ranks
from lmkit.objectives.batch import MakeBatch
from lmkit.training.checkpoints.background_saver import Saver
from lmkit.training.checkpoints.layout import newest_first
from lmkit.training.checkpoints.save_load import finish, load, save, snapshot
from lmkit.training.checkpoints.streamed_save import write_shards
from lmkit.training.data.step_batches import TrainingRows
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.distributed.rank_zero import barrier
from lmkit.training.distributed.stall_watch import Watch
from lmkit.training.evaluations.sampling_prompts import PromptSampler
from lmkit.training.evaluations.task_evaluation import TaskEvaluation
from lmkit.training.loop import Hooks, Order, Progress, SpikeError, train
from lmkit.training.loss_scale import LossScale
from lmkit.training.metrics import Record
from lmkit.training.monitoring.display import Display
from lmkit.training.monitoring.peak_flops import ModelFlops
from lmkit.training.optimizer import CombinedOptimizer
from lmkit.training.profiling.step_profile import StepProfile
from lmkit.training.tracking.registry import TrackedRun
from lmkit.training.training_recipe import Recipe
from lmkit.training.validation import Validation


@dataclass
class Session:
    """What is trained, on what data, and where it is written."""

    run: Path
    recipe: Recipe
    recipe_hash: str
    """Hash of all that determines the numbers."""
    parallelism: Parallelism
    optimizer: Optimizer | CombinedOptimizer
    data: TrainingRows
    make_batch: MakeBatch
    order: Order
    validate: Validation | None
    evaluate: TaskEvaluation | None = None
    sample: PromptSampler | None = None
    scale: LossScale | None = None
    keep: int = 2
    log_every: int = 10
    stall_timeout: float | None = None
    model_flops: ModelFlops | None = None
    tracked: TrackedRun | None = None
    """Where else than in its folder the run's numbers go."""
    profile: int | None = None
    """Steps to profile."""

    def train(self, should_stop: Callable[[], bool] = lambda: False) -> Progress:
        """Train from the last checkpoint, or from scratch, to the last step or until asked."""
        start = self._restore() or Progress()
        if start.step:
            log_message(f"resuming from step {start.step:,}")
        profile = StepProfile(self.run, self.profile if rank() == 0 else None)
        while True:
            watch = Watch(self.stall_timeout, rank(), ranks())
            device = self.parallelism.accelerator.device
            display = Display(
                self.run,
                self.recipe.steps,
                start.step,
                self.log_every,
                device,
                self.model_flops,
                self.tracked,
            )
            checkpoints = Checkpoints(self, display, watch)
            hooks = Hooks(
                validate=self.validate,
                evaluate=self._evaluated if self.evaluate else None,
                sample=partial(self._sample, display) if self.sample else None,
                on_step=partial(self._show, display),
                on_save=checkpoints.save,
                should_stop=should_stop,
                warn=display.warn,
                on_beat=partial(_beat, watch, profile),
            )
            try:
                with watch, display, checkpoints, profile:
                    if not start.step and self.recipe.spike.action == "rollback":
                        checkpoints.save(start)
                    return train(
                        self.parallelism,
                        self.optimizer,
                        self.data,
                        self.make_batch,
                        self.recipe,
                        start,
                        hooks,
                        self.order,
                        self.scale,
                    )
            except SpikeError as spike:
                start = self._roll_back(start, spike)

    def _show(self, display: Display, record: Record) -> None:
        """Record and show a finished step."""
        if record.validation_loss is not None and self.validate:
            record = replace(record, validation=self.validate.by_source)
        display.step(record)

    def _evaluated(self, record: Record, on_task: Callable[[], None]) -> Record:
        """Add the scores on tasks to the record of a step."""
        assert self.evaluate
        measured = self.evaluate(on_task)
        log_message(f"step {record.step}: {measured.shown()}")
        tasks, groups = measured.records
        return replace(record, tasks=tasks, groups=groups)

    def _sample(self, display: Display, step: int, on_prompt: Callable[[], None]) -> None:
        """Record the texts that are generated after a step."""
        assert self.sample
        display.add_samples(self.sample(step, on_prompt))

    def _roll_back(self, start: Progress, spike: SpikeError) -> Progress:
        """Return to the last checkpoint, with the batches since counted as skipped."""
        barrier()  # rank zero has finished the checkpoint that was being written
        restored = self._restore()
        assert restored, "a run that may be rolled back is saved at its start"
        left_out = start.left_out + spike.reached - restored.step
        if rank() == 0:
            log_message(
                f"resuming from step {restored.step:,} without {left_out:,} batches in total"
            )
        return replace(restored, left_out=left_out, rollbacks=start.rollbacks + 1)

    def _restore(self) -> Progress | None:
        """Load model and optimizer from the newest checkpoint; None where there is none."""
        if not newest_first(self.run):
            return None
        state = load(
            self.run, self.parallelism.model, self.optimizer, warn, self.parallelism.local_shards
        )
        state.pop("recipe", None)
        scale = state.pop("loss_scale", None)
        if self.scale is not None and scale:
            self.scale = LossScale(self.parallelism.accelerator.device, **scale)
        state["history"] = tuple(state.get("history", ()))
        try:
            return Progress(**state)
        except TypeError as error:
            raise LmkitError(
                f"{self.run}: its checkpoints are of another version of lmkit: {error}",
                "resume with that version, or start a new run with --init-from",
            ) from None


def _beat(watch: Watch, profile: StepProfile, step: int, activity: str) -> None:
    watch.beat(step, activity)
    profile.beat(step, activity)


class Checkpoints:
    """Saves a session in the background; what is being written is finished before it closes."""

    def __init__(self, session: Session, display: Display, watch: Watch) -> None:
        self._session, self._display, self._watch = session, display, watch
        self._saver = Saver(self._failed)
        self._saving = 0
        """The step of the checkpoint that is being written."""

    def __enter__(self) -> Self:
        self._saver.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._saver.__exit__(*raised)

    def save(self, progress: Progress) -> None:
        """Let rank zero start to write the state, or write with all ranks what is sharded."""
        self._watch.beat(progress.step, "saving")
        self._display.sync()
        session = self._session
        state: dict[str, Any] = {**asdict(progress), "recipe": session.recipe_hash}
        if session.scale is not None:
            state["loss_scale"] = session.scale.state()
        if rank() == 0:
            self._saver.wait()  # its error is about the checkpoint before
            self._saving = progress.step
        run, step, keep = session.run, progress.step, session.keep
        model, shards = session.parallelism.model, session.parallelism.local_shards
        if session.parallelism.mode != "ddp":
            try:
                write_shards(run, step, model, session.optimizer, shards, state)
            except OSError as error:
                self._failed(error)
                return
            if rank() == 0:
                self._saver.begin(lambda: finish(run, step, keep))
        elif rank() == 0:
            copy = snapshot(model, session.optimizer, shards)
            self._saver.begin(lambda: save(run, step, copy, state, keep))

    def _failed(self, error: OSError) -> None:
        if self._saving == self._session.recipe.steps:
            raise error
        self._display.warn(f"no checkpoint after step {self._saving}: {error.strerror or error}")
