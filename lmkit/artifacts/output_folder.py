"""An output folder, from its plan to its manifest.

work/clean/.lock                   one run at a time
work/clean/.partial/plan.json      the plan of the run in progress
work/clean/.partial/...            receipts, and files that only later tasks need
work/clean/manifest.json           the folder is complete, and .partial is removed

Choices:
- If the plan is the same, the folder is up to date, and nothing is changed. Another plan is an
error that names the difference, and `--overwrite` starts from scratch; the earlier content is
discarded only after the new plan is on disk.
- A folder with files that lmkit didn't write, or that another stage wrote, is never written to.
- If everything that was read had to be quarantined, the folder remains unfinished, with its
quarantine.
"""

import os
import platform
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from lmkit.artifacts.destination import PLAN, Destination
from lmkit.artifacts.discovery import skipped_text
from lmkit.artifacts.document import cure_of
from lmkit.artifacts.existing_folder import matches, ranges_read, refuse
from lmkit.artifacts.finished_folders import check_finished
from lmkit.artifacts.input_lists.input_changes import Same, input_changes
from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.read_ranges import ChangedError, read_inputs
from lmkit.artifacts.input_lists.streamed_inputs import LIST_NAME, InputsFile, StreamedInputs
from lmkit.artifacts.inputs import Inputs, same_content
from lmkit.artifacts.local_destination import LocalDestination
from lmkit.artifacts.locations import source_at
from lmkit.artifacts.manifest import (
    FORMAT,
    MANIFEST,
    Counts,
    Input,
    Manifest,
    Output,
    Plan,
    refuse_other_format,
)
from lmkit.artifacts.output_stores import destination_of
from lmkit.artifacts.overlap import refuse_overlap
from lmkit.artifacts.tasks import (
    PARTIAL,
    Receipt,
    TaskSize,
    TaskWriter,
    corrupt_tasks,
    patience_with,
    receipt_path,
    run_tasks,
)
from lmkit.config import FolderConfig, StageConfig
from lmkit.errors import LmkitError, OutputError
from lmkit.execution.executors.options import SharesTasks
from lmkit.execution.executors.registry import executor_of
from lmkit.execution.pool import map_tasks
from lmkit.execution.progress import log_message, progress, warn
from lmkit.storage.byte_ranges import hash_range
from lmkit.storage.hub import HubDataset

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


class OutputFolder:
    """An output folder between its plan and its manifest."""

    def __init__(
        self,
        config: FolderConfig,
        destination: Destination | Path,
        records: Sequence[Input],
    ) -> None:
        if isinstance(destination, Path):
            destination = LocalDestination(destination)
        self.config = config
        self.destination = destination
        self.path = destination.folder
        """Where tasks write."""
        self.scratch = self.path / PARTIAL
        self.finished: Manifest | None = None
        self.receipts: list[Receipt] = []
        self._steps: set[str] = set()
        self._compared: tuple[InputsFile, list[str]] | None = None
        self.plan = Plan(
            format=FORMAT,
            stage=config.stage,
            lmkit=version("lmkit"),
            config=config.model_dump(mode="json"),
            inputs=records,
        )
        self._started = time.monotonic()
        self._executor = executor_of(config, self.scratch)

    def run(
        self,
        step: str,
        work: Callable[[TaskT, TaskWriter], None],
        tasks: Sequence[TaskT],
        *,
        workers: int | None = None,
        label: str,
        size: Callable[[TaskT], TaskSize] | None = None,
    ) -> list[Receipt]:
        """Run the unfinished tasks of a step, those of a larger `size` first.

        Workers share them, or the machines of the executor; here and one by one with `workers`
        None. Returns the receipts of all its tasks, in order.
        """
        self._steps.add(step)
        with progress("checking finished tasks", None):
            patience = patience_with(self._executor)
            damaged = corrupt_tasks(self.path, step, len(tasks), patience)
        if damaged:
            warn(
                f"{self.path}: scratch files of {len(damaged)} of {len(tasks)} tasks of '{label}' "
                "have been damaged: they are made again, and everything that depends on them"
            )
            self._undo(step, damaged)
        receipts = run_tasks(
            self.path,
            step,
            work,
            tasks,
            workers=self._workers(workers),
            label=label,
            size=size,
            executor=None if workers is None else self._executor,
            upload=self.destination.upload,
        )
        self.receipts += receipts
        return receipts

    def map(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Sequence[TaskT],
        *,
        workers: int,
        label: str,
    ) -> list[ResultT]:
        """Return what a function returns for each task, which leaves nothing in the folder.

        Workers or machines share them, as those of `run`; a run that is resumed does all again.
        """
        count = self._workers(workers)
        return map_tasks(function, tasks, workers=count, label=label, executor=self._executor)

    def _workers(self, workers: int | None) -> int:
        config = self.config
        is_inline = isinstance(config, SharesTasks) and config.executor == "inline"
        return 1 if workers is None or is_inline else workers

    def _undo(self, step: str, tasks: Sequence[int]) -> None:
        """Mark tasks as not done; first all later steps, so that a kill can't skip them."""
        for path in self.scratch.glob("*-[0-9]*.json"):
            if path.name.rpartition("-")[0] not in self._steps:
                path.unlink()
        for number in tasks:
            receipt_path(self.path, step, number).unlink()

    def drop_receipts(self, receipts: Sequence[Receipt]) -> None:
        """Discard the receipts of tasks that will be run again."""
        self.receipts = [receipt for receipt in self.receipts if receipt not in receipts]

    def finish(
        self,
        counts: Counts,
        details: dict[str, Any] | None = None,
        *,
        max_quarantined: float | None = None,
    ) -> Manifest:
        """Check that the counts add up, and write the manifest.

        Raises LmkitError if a larger fraction than `max_quarantined` had to be quarantined.
        """
        counts.check()
        shown = self.destination.shown
        self._report_problems(counts)
        if counts.documents_in and counts.quarantined == counts.documents_in:
            problems = (problem for receipt in self.receipts for problem in receipt.problems)
            cures = {cure_of(problem.first) for problem in problems}
            cure = f"try {cures.pop()}; " if len(cures) == 1 and None not in cures else ""
            raise LmkitError(
                f"{shown}: nothing could be read",
                f"{cure}see why in {shown}/quarantine-*.jsonl.zst",
            )
        if (
            max_quarantined is not None
            and counts.quarantined > max_quarantined * counts.documents_in
        ):
            raise LmkitError(
                f"{shown}: {counts.quarantined:,} of {counts.documents_in:,} documents could "
                f"not be read, more than --max-quarantined {max_quarantined} allows",
                f"see why in {shown}/quarantine-*.jsonl.zst; the same command with another "
                "--max-quarantined resumes from here",
            )
        outputs = {output.name: output for receipt in self.receipts for output in receipt.outputs}
        return self.complete(
            [outputs[name] for name in sorted(outputs)],
            counts,
            details or {},
            inputs=self._inputs_as_read(),
            task_seconds=round(sum(receipt.seconds for receipt in self.receipts), 3),
        )

    def complete(
        self,
        outputs: Sequence[Output],
        counts: Counts,
        details: dict[str, Any],
        *,
        inputs: Sequence[Input],
        task_seconds: float = 0,
        not_outputs: Sequence[str] = (),
    ) -> Manifest:
        """Write the manifest. Files that match `not_outputs` are kept, but not recorded."""
        seconds = round(time.monotonic() - self._started, 3)
        bytes_read = _bytes_of(inputs)
        manifest = Manifest(
            **dict(self.plan.model_copy(update={"inputs": inputs})),
            outputs=tuple(outputs),
            counts=counts,
            details=details,
            seconds=seconds,
            task_seconds=task_seconds,
            bytes_per_second=round(bytes_read / seconds) if seconds else 0,
            machine=machine(),
        )
        names = {output.name for output in outputs}

        def is_stale(name: str) -> bool:  # an earlier output: only what matches patterns exactly
            is_output = matches(name, (*self.config.output_patterns, LIST_NAME))
            return is_output and not matches(name, not_outputs) and name not in names

        self.destination.publish(manifest, self.receipts, is_stale)
        return manifest

    def _report_problems(self, counts: Counts) -> None:
        problems = [problem for receipt in self.receipts for problem in receipt.problems]
        for problem in problems[:10]:
            more = f" (and {problem.count - 1:,} more)" if problem.count > 1 else ""
            warn(f"quarantined: {problem.where}: {problem.first}{more}")
        if counts.quarantined:
            files = f"{self.destination.shown}/quarantine-*.jsonl.zst"
            log_message(f"all {counts.quarantined:,} are listed in {files}")

    def _inputs_as_read(self) -> Sequence[Input]:
        inputs = self.plan.inputs
        try:
            found = read_inputs([receipt.read for receipt in self.receipts])
        except ChangedError as changed:
            name = inputs[changed.number].path
            raise LmkitError(f"{name}: it changed while it was read", changed.hint) from None
        if isinstance(inputs, InputTable):
            return inputs.with_digests(found.numbers, found.digests, found.others)
        hashes = found.by_input()
        return tuple(
            replace(item, sha256=hashes[number]) if number in hashes else item
            for number, item in enumerate(inputs)
        )

    def read_existing(self) -> tuple[Manifest | None, Plan | None]:
        """Return the finished manifest of the folder, or the plan of an interrupted run.

        Raises OutputError if another program or stage wrote it.
        """
        destination, shown = self.destination, self.destination.shown
        if not destination.exists():
            return None, None
        try:
            manifest = destination.record(Manifest, MANIFEST)
            plan = manifest or destination.record(Plan, PLAN)
        except (LmkitError, OSError):
            manifest = plan = None
        if plan and plan.stage != self.plan.stage:
            raise OutputError(
                f"--output: {shown} was made by lmkit {plan.stage}",
                "choose another --output; only the stage that made a folder overwrites it",
            )
        if plan and not self.config.overwrite:
            refuse_other_format(plan, shown)
        others = destination.other_files(self.config.output_patterns, known=plan is not None)
        if others and (plan is None or self.config.overwrite):
            raise OutputError(
                f"--output: {shown} holds files that lmkit did not write ({others[0]})",
                "choose another --output; --overwrite doesn't delete them either",
            )
        return manifest, plan

    def changes(self, old: Plan) -> tuple[dict[str, str], list[str]]:
        """Return how this plan differs from an earlier one: options by key, and inputs."""
        read_before = cache(partial(ranges_read, self.scratch))

        def same(index: int, before: Input, now: Input) -> bool:
            if now.modified is None and self.config.verify:
                check_finished(Path(now.path), hashes=True)
            if (
                before.sha256
                or before.bytes != now.bytes
                or isinstance(source_at(now.path), HubDataset)
            ):
                return same_content(before, now, self.config.verify)
            if before.modified == now.modified and not self.config.verify:
                return True
            return all(
                hash_range(now.path, part.start, part.stop) == part.sha256
                for part in read_before().of(index)
            )

        options = self.plan.option_changes(old, self.config.location_options)
        return options, self._input_changes(old.inputs, same)

    def _input_changes(self, old: Sequence[Input], same: Same) -> list[str]:
        """Return how the inputs differ; a list in a file that was compared isn't read again."""
        if not isinstance(old, StreamedInputs):
            return input_changes(old, self.plan.inputs, same)
        if self._compared is None or self._compared[0] != old.record:
            self._compared = old.record, input_changes(old, self.plan.inputs, same)
        return self._compared[1]

    def up_to_date(self) -> Manifest | None:
        """Return the manifest if the folder is finished. Raises OutputError if the plan changed."""
        manifest, plan = self.read_existing()
        if plan is None or self.config.overwrite:
            return None
        options, inputs = self.changes(plan)
        changes = [*options.values(), *inputs]
        # A folder must not be written partly by one version and partly by another.
        if manifest is None and plan.lmkit != self.plan.lmkit:
            changes.append(f"lmkit was {plan.lmkit}, now {self.plan.lmkit}")
        if changes:
            refuse(self.destination.shown, changes, begun=manifest is None)
        if manifest:
            self.check_outputs(manifest)
        return manifest

    def check_outputs(self, manifest: Manifest) -> None:
        """Raise OutputError if a file doesn't match the manifest."""
        for output in manifest.outputs:
            if not self.destination.holds(output, hashes=self.config.verify):
                raise OutputError(
                    f"--output: {self.destination.shown}/{output.name} doesn't match {MANIFEST} "
                    "any more",
                    "make the folder again with --overwrite",
                )

    def write_plan(self) -> None:
        """Write the plan. In this order, a kill in between leaves the old plan or the new one."""
        patterns, overwrite = self.config.output_patterns, self.config.overwrite
        self.destination.begin(self.plan, patterns, overwrite=overwrite)


def _bytes_of(inputs: Sequence[Input]) -> int:
    is_table = isinstance(inputs, InputTable)
    return inputs.total_bytes if is_table else sum(item.bytes for item in inputs)


@contextmanager
def open_output(config: StageConfig, inputs: Inputs) -> Generator[OutputFolder]:
    """Lock an output folder until it is complete; `finished` is set if it already is."""
    refuse_overlap(config.output, inputs.arguments)
    destination = destination_of(config)
    folder = OutputFolder(config, destination, inputs.records)
    with progress("checking the output folder", None):
        folder.finished = folder.up_to_date()
    if folder.finished:
        log_message(f"{destination.shown}: up to date")
        destination.sweep()
        yield folder
        return
    if inputs.skipped:
        log_message(skipped_text(inputs.skipped))
    with destination.lock():
        # Another run may have finished between the first check and the lock.
        folder.finished = folder.up_to_date()
        if folder.finished:
            yield folder
            return
        folder.write_plan()
        yield folder


def machine() -> dict[str, Any]:
    """Describe this machine."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
