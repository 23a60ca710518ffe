"""The folder of a run: whether it may start or resume, and its files.

Choices:
- A run may resume: to more steps, with other processes, micro-batches and intervals. What
  determines its numbers (model, objective, data, seed, optimizer, precision) is fixed, and a change
  is refused by name. Each allowed change is recorded with its step in history.jsonl.
- The values that `auto` resolved to are recorded too, and used again: a new measurement may differ.
- A checkpoint records the recipe that it was made with. One with another recipe, left from before
  an --overwrite that was killed, is never resumed from.
- metrics.jsonl, what trackers derive from it and profile/ contain times, so they are excluded from
  the folder's fingerprint.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lmkit.artifacts.existing_folder import refuse
from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.manifest import Counts, Input, Manifest, Output, Plan, flat
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.config import StageConfig
from lmkit.errors import ConfigError
from lmkit.execution.progress import log_message
from lmkit.storage.atomic_files import atomic_write
from lmkit.storage.byte_ranges import hash_range
from lmkit.storage.json_bytes import read_object
from lmkit.training.checkpoints.layout import CHECKPOINTS, STATE, newest_first, step_of
from lmkit.training.checkpoints.overrides import EarlierOptions
from lmkit.training.checkpoints.resolved_values import RESOLVED, known_earlier, read_resolved
from lmkit.training.checkpoints.run_record import RunRecord
from lmkit.training.evaluations.samples_file import SAMPLES
from lmkit.training.metrics import METRICS
from lmkit.training.options import OVERRIDABLE
from lmkit.training.profiling.step_profile import PROFILE
from lmkit.training.tracking.registry import TRACKERS

HISTORY = "history.jsonl"
TRACKER_ID = "tracker_id"
NOT_OUTPUTS = (
    r"(metrics|history)\.jsonl",
    rf"({'|'.join([*TRACKERS, PROFILE])})/.*",
    r"resolved\.json",
)


@dataclass
class RunFolder:
    """A run's folder, in the process that writes it."""

    config: StageConfig
    records: Sequence[Input]
    steps: int
    may_change: frozenset[str]
    overrides: frozenset[str] = frozenset()
    """Keys of options that may change this time."""
    earlier: tuple[EarlierOptions, ...] = ()
    """What the first steps were trained with, where that is overridden."""
    resumes: tuple[int, int] | None = None
    """The last step that a claimed run has trained, and the number of steps that it was to have."""
    changed: tuple[str, ...] = ()
    """The options that a claimed run resumes with changes of, each as a sentence."""

    @cached_property
    def folder(self) -> OutputFolder:
        """Its plan and manifest."""
        return OutputFolder(self.config, self.config.output, self.records)

    def claim(self, stack: ExitStack) -> Manifest | None:
        """Lock the folder until the stack unwinds; return a manifest if nothing is left to do."""
        folder = self.folder
        finished, _ = self._check_state(folder)
        if finished:
            log_message(f"{self.config.output}: up to date")
            return finished
        self.config.output.mkdir(parents=True, exist_ok=True)
        stack.enter_context(folder_lock(self.config.output))
        finished, changes = self._check_state(folder)
        if finished:
            return finished
        self.resumes = self._resumes(folder)
        if self.earlier and self.earlier != known_earlier(self.config.output):
            # Before the plan: with it, checkpoints of other options would be dropped.
            folder.scratch.mkdir(exist_ok=True)
            self._record("earlier", [each.model_dump() for each in self.earlier])
        folder.write_plan()
        if self.config.overwrite:
            self._remove_old_results()
        self._drop_checkpoints_of_others()
        if changes:
            self._write_history(changes)
        self.changed = tuple(changes)
        return None

    def resolve(self, key: str, find: Callable[[], str]) -> str:
        """Return the value that `auto` resolved to when the run started; determine it, if new."""
        known = self.known(key)
        if known is None:
            known = find()
            self._record(key, known)
        return known

    def known(self, key: str) -> Any:
        """Return the value that `auto` resolved to, if it is known."""
        return read_resolved(self.config.output).get(key)

    def tracker_id(self) -> str:
        """Return what the run is called by trackers: the same whenever it resumes."""
        return self.resolve(TRACKER_ID, lambda: secrets.token_hex(4))

    @property
    def options(self) -> dict[str, Any]:
        """The resolved options, named as flags are; locations are left out."""
        locations = self.config.location_options
        recorded = flat(self.folder.plan.config)
        return {name: value for name, value in recorded.items() if name not in locations}

    def record_steps(self, hours: float | None, steps: int) -> None:
        """Record how many steps these hours are."""
        self._record("hours", hours)
        self._record("steps", steps)

    def record_automatic(self, key: str, value: float) -> None:
        """Record what `auto` is for the learning rate (`lr`) or the warm-up (`warmup`)."""
        if self.known(key) != value:
            self._record(key, value)

    def record_tasks(self, digests: dict[str, str]) -> None:
        """Record what tasks ask, and which of them asked something else before."""
        known: dict[str, str] = read_resolved(self.config.output).get("tasks", {})
        changed = [
            f"task {name} asks something else than before: the scores can't be compared"
            for name, digest in digests.items()
            if known.get(name, digest) != digest
        ]
        if known | digests != known:
            self._record("tasks", known | digests)
        if changed:
            self._write_history(changed)

    def _record(self, key: str, value: Any) -> None:
        path = self.config.output / RESOLVED
        known = read_resolved(self.config.output) | {key: value}
        with atomic_write(path, self.folder.scratch) as temporary:
            temporary.write_text(json.dumps(known) + "\n", "utf-8")

    @property
    def recipe(self) -> str:
        """A hash of all that determines the numbers of the run."""
        return self._recipe({})

    def _recipe(self, earlier: dict[str, Any]) -> str:
        """Return the hash with the options of earlier steps."""
        plan = self.folder.plan
        changeable = self.may_change | self.config.location_options
        options = flat(plan.config) | earlier
        fixed = {key: value for key, value in options.items() if key not in changeable}
        data = [record.sha256 for record in plan.inputs]
        text = json.dumps([fixed, data], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def complete(self, record: RunRecord, steps: int, tokens: int) -> Manifest:
        """Write the manifest."""
        paths = [path for path in sorted(self.config.output.rglob("*")) if path.is_file()]
        names = [path.relative_to(self.config.output).as_posix() for path in paths]
        prefixes = ("model.json", "tokenizer/", f"{CHECKPOINTS}/", SAMPLES)
        outputs = [
            Output(name=name, bytes=size, sha256=hash_range(path, 0, size))
            for name, path in zip(names, paths, strict=True)
            if name.startswith(prefixes)
            for size in [path.stat().st_size]
        ]
        counts = Counts(more={"steps": steps, "tokens": tokens})
        folder = self.folder
        return folder.complete(
            outputs, counts, record.recorded(), inputs=folder.plan.inputs, not_outputs=NOT_OUTPUTS
        )

    def _check_state(self, folder: OutputFolder) -> tuple[Manifest | None, list[str]]:
        """Return the manifest if there is nothing to do, and the changes that are allowed."""
        manifest, plan = folder.read_existing()
        if plan is None or self.config.overwrite:
            return None, []
        options, inputs = folder.changes(plan)
        allowed = self.may_change | self.overrides
        refused = {key: text for key, text in options.items() if key not in allowed}
        if refused or inputs:
            changes = [*refused.values(), *inputs]
            refuse(folder.path, changes, begun=manifest is None, hint=_override_hint(refused))
        before = self._steps_of(plan)
        if manifest:
            folder.check_outputs(manifest)
            asks_for_mean = "average" in options and getattr(self.config, "average", None)
            if self.steps == before and not asks_for_mean:
                if changed := self.overrides & options.keys():
                    raise ConfigError(
                        f"--override {min(changed)}: {folder.path} has trained all of its "
                        f"{before:,} steps",
                        "ask for more --steps, which are trained with it",
                    )
                return manifest, []
        reached = max(map(step_of, newest_first(folder.path)), default=0)
        if self.steps < reached:
            raise ConfigError(
                f"--steps: got {self.steps}, but {folder.path} has already reached {reached}",
                "use one of its checkpoints, or choose another --output",
            )
        return None, list(options.values())

    def _resumes(self, folder: OutputFolder) -> tuple[int, int] | None:
        _, plan = folder.read_existing()
        if plan is None or self.config.overwrite:
            return None
        return max(map(step_of, newest_first(folder.path)), default=0), self._steps_of(plan)

    def _steps_of(self, plan: Plan) -> int:
        return int(plan.config["steps"])

    def _remove_old_results(self) -> None:
        """Remove the files of an older run in this folder."""
        run = self.config.output
        for name in (CHECKPOINTS, PROFILE, *TRACKERS):
            shutil.rmtree(run / name, ignore_errors=True)
        for name in (METRICS, SAMPLES, HISTORY, RESOLVED):
            (run / name).unlink(missing_ok=True)

    def _drop_checkpoints_of_others(self) -> None:
        recipes = {self.recipe, *(self._recipe(each.options) for each in self.earlier)}
        for checkpoint in newest_first(self.config.output):
            try:
                recipe = read_object(checkpoint / STATE).get("recipe")
            except (OSError, ValueError):
                continue  # corrupt: loading skips it, with a warning
            if recipe not in recipes:
                shutil.rmtree(checkpoint)

    def _write_history(self, changes: Sequence[str]) -> None:
        step = max(map(step_of, newest_first(self.config.output)), default=0)
        with (self.config.output / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "changes": list(changes)}) + "\n")
        for change in changes:
            log_message(f"resuming from step {step}: {change}")


def _override_hint(refused: Mapping[str, str]) -> str | None:
    """Return how options that may be overridden are; None where others were changed, too."""
    names = [name for name, key in OVERRIDABLE.items() if key in refused]
    if not names or len(names) < len(refused):
        return None
    typed = " ".join(f"--override {name}" for name in names)
    return f"add {typed} to train the steps to come with it, restore it, or choose another --output"
