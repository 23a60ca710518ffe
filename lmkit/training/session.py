"""A run in one of its processes: restore, train, save, and go back where the loss has jumped.

Choices:
- The first process alone writes. What it writes is put together by all.
- A checkpoint is written behind the back of training (`saving`); where that fails on the way, the
  older ones stay and training goes on. Only the last one has to succeed.
- Going back is going on from the last checkpoint, with the batches since counted as left out. That
  count is kept in memory until the next checkpoint: a run that is killed before comes to the same
  spike again, and goes back again.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch.optim import Optimizer

from lmkit.errors import LmkitError
from lmkit.execution.progress import say, warn
from lmkit.execution.ranks import rank, ranks
from lmkit.objectives.registry import Objective
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
    """What is being trained, on what, and where it is written."""

    run: Path
    recipe: Recipe
    recipe_hash: str
    """Stands for all that decides the numbers."""
    parallelism: Parallelism
    optimizer: Optimizer | CombinedOptimizer
    data: TrainingRows
    objective: Objective
    order: Order
    validate: Callable[[], float] | None
    should_stop: Callable[[], bool]
    scale: LossScale | None = None
    keep: int = 2
    log_every: int = 10
    stall_timeout: float | None = None

    def train(self) -> Progress:
        """Train from the last checkpoint, or from the beginning, to the last step."""
        start = self._restore() or Progress()
        if start.step:
            say(f"going on from step {start.step:,}")
        while True:
            try:
                return self._train_from(start)
            except SpikeError as spike:
                restored = self._restore()
                assert restored, "a run that may go back has saved its beginning"
                start = replace(
                    restored,
                    left_out=start.left_out + spike.reached - restored.step,
                    rollbacks=start.rollbacks + 1,
                )
                if rank() == 0:
                    say(
                        f"going on from step {restored.step:,} without {start.left_out:,} batches in "
                        "all"
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
                self.objective,
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
            saver.wait()  # what it has to tell is about the checkpoint before
            self._saving = progress.step
            saver.begin(lambda: save(self.run, progress.step, copy, state, self.keep))

    def _failed(self, show_warning: Callable[[str], None]) -> Callable[[OSError], None]:
        def failed(error: OSError) -> None:
            if self._saving == self.recipe.steps:
                raise error
            show_warning(f"no checkpoint after step {self._saving}: {error.strerror or error}")

        return failed

    def _restore(self) -> Progress | None:
        """Fill model and optimizer from the newest checkpoint; None where there is none."""
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
                "go on with that version, or begin anew with --init-from",
            ) from None

    @contextmanager
    def _display(
        self, start: Progress
    ) -> Generator[tuple[Callable[[Record], None], Callable[[], None], Callable[[str], None]]]:
        """Open metrics and display; hand out what tells them of a step, syncs them, warns."""
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
