"""A run in one of its processes: restore, train, save, and roll back after a loss spike.

Choices:
- Only rank zero writes. What it writes is gathered from all.
- A checkpoint is written in the background (`background_saver`); where that fails during training,
  the older ones are kept and training continues. Only the last one has to succeed.
- A rollback resumes from the last checkpoint, with the batches since counted as skipped. That count
  is kept in memory until the next checkpoint: a run that is killed before meets the same spike
  again, and rolls back again.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch.optim import Optimizer

from lmkit.errors import LmkitError
from lmkit.execution.progress import log_message, warn
from lmkit.execution.ranks import rank, ranks
from lmkit.objectives.batch import MakeBatch
from lmkit.training.checkpoints.background_saver import Saver
from lmkit.training.checkpoints.layout import newest_first
from lmkit.training.checkpoints.save_load import load, save, snapshot
from lmkit.training.console import Monitor, gpu_bytes, resident_bytes
from lmkit.training.data.step_batches import TrainingRows
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.distributed.stall_watch import Watch
from lmkit.training.loop import Hooks, Order, Progress, Recipe, SpikeError, train
from lmkit.training.loss_scale import LossScale
from lmkit.training.metrics import Metrics, Record
from lmkit.training.optimizer import CombinedOptimizer


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
    validate: Callable[[], float] | None
    should_stop: Callable[[], bool]
    scale: LossScale | None = None
    keep: int = 2
    log_every: int = 10
    stall_timeout: float | None = None

    def train(self) -> Progress:
        """Train from the last checkpoint, or from scratch, to the last step."""
        start = self._restore() or Progress()
        if start.step:
            log_message(f"resuming from step {start.step:,}")
        while True:
            try:
                return self._train_from(start)
            except SpikeError as spike:
                restored = self._restore()
                assert restored, "a run that may be rolled back is saved at its start"
                start = replace(
                    restored,
                    left_out=start.left_out + spike.reached - restored.step,
                    rollbacks=start.rollbacks + 1,
                )
                if rank() == 0:
                    log_message(
                        f"resuming from step {restored.step:,} without {start.left_out:,} batches "
                        "in total"
                    )

    def _train_from(self, start: Progress) -> Progress:
        watch = Watch(self.stall_timeout, rank(), ranks())
        with (
            watch,
            self._display(start) as (on_step, sync, show_warning),
            Saver(self._failed(show_warning)) as saver,
        ):

            def on_save(progress: Progress) -> None:
                watch.beat(progress.step, "saving")
                sync()
                self._start_save(progress, saver)

            if not start.step and self.recipe.spike.action == "rollback":
                on_save(start)
            hooks = Hooks(
                validate=self.validate,
                on_step=on_step,
                on_save=on_save,
                should_stop=self.should_stop,
                warn=show_warning,
                on_beat=watch.beat,
            )
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

    def _start_save(self, progress: Progress, saver: Saver) -> None:
        is_rank_zero = rank() == 0
        copy = snapshot(
            self.parallelism.model, self.optimizer, self.parallelism.local_shards, keep=is_rank_zero
        )
        state: dict[str, Any] = {**asdict(progress), "recipe": self.recipe_hash}
        if self.scale is not None:
            state["loss_scale"] = self.scale.state()
        if is_rank_zero:
            saver.wait()  # its error is about the checkpoint before
            self._saving = progress.step
            saver.begin(lambda: save(self.run, progress.step, copy, state, self.keep))

    def _failed(self, show_warning: Callable[[str], None]) -> Callable[[OSError], None]:
        def failed(error: OSError) -> None:
            if self._saving == self.recipe.steps:
                raise error
            show_warning(f"no checkpoint after step {self._saving}: {error.strerror or error}")

        return failed

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

    @contextmanager
    def _display(
        self, start: Progress
    ) -> Generator[tuple[Callable[[Record], None], Callable[[], None], Callable[[str], None]]]:
        """Open metrics and display; yield functions for a step, for syncing, and for warnings."""
        if rank():
            yield lambda _: None, lambda: None, lambda _: None
            return
        on_gpu = self.parallelism.accelerator.device.type == "cuda"
        memory = gpu_bytes if on_gpu else resident_bytes
        with (
            Metrics(self.run, start.step, self.log_every) as metrics,
            Monitor(self.recipe.steps, start.step, self.log_every, memory) as monitor,
        ):

            def on_step(record: Record) -> None:
                metrics.append(record)
                monitor.step(record)

            yield on_step, metrics.sync, monitor.warn
