"""Plan: a model, a batch and a number of steps for a budget, and what they will reach.

    open       the packed folders and the runs that were named
    propose    measure the speed, train pilot runs, calibrate a scaling law, choose
    write      config.toml and plan.json

Choices:
- What is proposed is what a measurement says: the speed of this machine, the loss on this data.
  Published constants fill in what wasn't measured, and the interval says how much that is.
- Pilot runs are in the scratch folder of the output: an interrupted plan resumes them. Without an
  output they are in a temporary folder.
- The learning rate is left to pretrain, which has a rule for it.
"""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.manifest import Counts, read
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.overlap import refuse_overlap
from lmkit.artifacts.tasks import PARTIAL, TaskWriter
from lmkit.commands.plan.config_file import CONFIG, config_text
from lmkit.commands.plan.finished_runs import earlier_runs
from lmkit.commands.plan.options import PlanConfig
from lmkit.commands.plan.planned_data import PlannedData
from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.commands.plan.proposal import Proposal
from lmkit.commands.plan.propose import propose
from lmkit.errors import ConfigError, InputError, LmkitError, OutputError
from lmkit.execution.progress import log_message
from lmkit.execution.ranks import ranks
from lmkit.training.planning.model_sizes import ModelSize

PLAN = "plan.json"
AGAIN = "make it again: --overwrite"
RUNS = "runs"
"""Folder of the pilot runs, below the scratch folder."""


def plan(config: PlanConfig) -> Proposal:
    """Propose a run for a budget."""
    if ranks() > 1:
        raise ConfigError(
            f"lmkit plan: got {ranks()} processes, must be one",
            f"run it without a launcher, with --processes {ranks()}",
        )
    with ExitStack() as stack:
        unused = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lmkit-plan-")))
        _refuse_names(config)
        data = PlannedData.at(config.inputs, config.mixture.weights, config.output or unused)
        runs = PlannedRuns(config, data, _scratch(config, unused))
        objective = runs.options(None, 1.0, runs.scratch).objective
        earlier, of_runs = earlier_runs(config.runs, data, objective)
        inputs = data.packed.inputs
        for each in of_runs:
            inputs = inputs.merged_with(each)
        folder = stack.enter_context(_folder(config, inputs))
        if folder is None:
            return propose(runs, earlier)
        if folder.finished:
            return _read(folder.path)
        proposal = propose(runs, earlier)
        folder.run("plan", WritePlan(runs, proposal), [None], label="writing the plan")
        folder.finish(Counts(more={"pilots": len(proposal.pilots)}))
        return proposal


def _refuse_names(config: PlanConfig) -> None:
    """Raise InputError for a name that a config.toml can't hold."""
    for path in config.inputs if config.output else ():
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise InputError(
                f"INPUTS: {path}: not UTF-8, so {CONFIG} can't name it",
                "rename the folder, or plan without --output",
            ) from None


def _scratch(config: PlanConfig, temporary: Path) -> Path:
    return temporary if config.output is None else config.output / PARTIAL / RUNS


@contextmanager
def _folder(config: PlanConfig, inputs: Inputs) -> Generator[OutputFolder | None]:
    """Lock the output folder, if there is one, until it is complete."""
    if config.output is None:
        yield None
        return
    refuse_overlap(config.output, inputs.arguments)
    folder = OutputFolder(config, config.output, inputs.records)
    folder.finished = folder.up_to_date()
    if folder.finished:
        log_message(f"{config.output}: up to date")
        yield folder
        return
    folder.path.mkdir(parents=True, exist_ok=True)
    with folder_lock(folder.path):
        folder.finished = folder.up_to_date()  # another one may have made it meanwhile
        if not folder.finished:
            if config.overwrite:
                shutil.rmtree(folder.scratch / RUNS, ignore_errors=True)
            folder.write_plan()
        yield folder


def _read(folder: Path) -> Proposal:
    try:
        proposal = read(Proposal, folder / PLAN)
    except LmkitError:
        raise OutputError(f"--output: {folder / PLAN} is damaged", AGAIN) from None
    if proposal is None:
        raise OutputError(f"--output: {folder / PLAN} is missing", AGAIN)
    return proposal


@dataclass(frozen=True)
class WritePlan:
    """Write the files of a plan."""

    runs: PlannedRuns
    proposal: Proposal

    def __call__(self, _: None, writer: TaskWriter) -> None:
        """Run the task."""
        row, runs = self.proposal.chosen, self.runs
        size = ModelSize(row.layers, row.hidden_size, row.heads)
        table = runs.table(None if runs.has_typed_size else size, float(row.tokens))
        every = -(-row.steps // row.pauses)
        table |= {"steps": row.steps, "batch_tokens": row.batch_tokens}
        table |= {"validate_every": every, "save_every": every}
        inputs = {"inputs": [str(path) for path in runs.config.inputs]}
        with writer.file(CONFIG) as path:
            path.write_text(config_text("pretrain", inputs | table, self._comments()), "utf-8")
        with writer.file(PLAN) as path:
            path.write_text(self.proposal.model_dump_json(indent=2) + "\n", "utf-8")

    def _comments(self) -> str:
        facts = self.proposal.short_view()[1]
        shown = ("model", "validation loss", "time", "memory")
        return "\n".join(
            [
                "Proposed by lmkit plan.",
                *(f"{name}: {facts[name]}" for name in shown),
                self.proposal.command,
            ]
        )


def result_text(config: PlanConfig, proposal: Proposal) -> str:
    """Return the tables."""
    del config
    return proposal.shown()
