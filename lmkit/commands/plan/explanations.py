"""The sentences of a proposal: what follows from its numbers, and what these rest on."""

import shlex
from collections.abc import Sequence

from lmkit.commands.plan.config_file import CONFIG
from lmkit.commands.plan.finished_runs import FinishedRun
from lmkit.commands.plan.options import PlanConfig
from lmkit.commands.plan.planned_data import PlannedData
from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.commands.plan.proposal import SizeRow
from lmkit.training.planning.scaling_law import SMALLEST_PARAMETERS, SMALLEST_TOKENS
from lmkit.training.planning.vocabulary_rule import suggested_vocabulary

COVERED = "clm"
"""The objective of the published law."""
ENOUGH_STEPS = 300
"""Of the longest run that a loss is predicted from."""
MANY_EPOCHS = 4
"""Up to so many, repeated data is almost as good as new (Muennighoff et al. 2023)."""


def vocabulary_text(row: SizeRow, entries: int) -> str:
    """Return the size of the vocabulary, and that which would suit the model."""
    others = row.parameters - row.vocabulary_parameters
    suits = suggested_vocabulary(others, row.hidden_size)
    return f"{entries:,} entries; by the rule of Tao et al. (2024) {suits:,} suit this size"


def repetition_text(row: SizeRow, data: PlannedData) -> str | None:
    """Return what repeated data is worth."""
    if row.epochs <= 1:
        return None
    read = row.tokens * data.density
    worth = f"worth {data.effective(row.tokens) / read:.0%} of as much new data"
    if row.epochs > MANY_EPOCHS:
        return f"{worth}; more than {MANY_EPOCHS} may overfit: more text would help"
    return worth


def rests_on(
    row: SizeRow, runs: PlannedRuns, pilots: Sequence[FinishedRun], earlier: Sequence[FinishedRun]
) -> tuple[str, ...]:
    """Return what the prediction rests on, and what it doesn't cover."""
    lines: list[str] = []
    measured = [*pilots, *earlier]
    law = "the scaling law of Hoffmann et al. (2022), refitted by Besiroglu et al. (2024)"
    if measured:
        ratio = row.tokens * runs.data.density / max(run.tokens for run in measured)
        lines.append(
            f"loss: {law}, that of Kaplan et al. (2020), and one between both, adjusted to "
            f"{len(pilots)} pilot runs and {len(earlier)} earlier runs on this data; the run is "
            f"{ratio:.1f} times as long as the longest of them"
        )
        longest = max(run.steps for run in measured)
        if longest < ENOUGH_STEPS:
            lines.append(
                f"the longest of these runs has {longest:,} steps, which are mostly its start: "
                "with more --pilot-minutes the interval becomes narrower"
            )
    elif row.loss is not None:
        lines.append(
            f"loss: {law}, below that of a uniform guess, with nothing measured on this data; its "
            f"runs had at least {SMALLEST_PARAMETERS / 1e6:.0f} million parameters and "
            f"{SMALLEST_TOKENS / 1e9:.0f} billion tokens"
        )
    else:
        lines.append(
            "loss: not predicted: the published law is for --objective clm, and no runs on this "
            "data were made (--pilot-minutes) or named (--runs)"
        )
    if measured and runs.options(None, 1.0, runs.scratch).objective != COVERED:
        lines.append("the published laws are for --objective clm: of them only the forms are used")
    if row.epochs > 1:
        lines.append("repeated data: the rule of Muennighoff et al. (2023)")
    source = "a trial of a few steps" + (", corrected by the pilot runs" if pilots else "")
    lines.append(f"time: {source}, validation and checkpoints; other programs make it longer")
    if runs.config.processes > 1:
        lines.append("several processes: each as fast as this one, with nothing lost between them")
    lines.append(
        "size and batch: the parameters N of the law are all, the embedding too; the batch grows "
        "with the tokens to the power of 0.383 (Bergsma et al. 2025), with 2,000 steps at least"
    )
    return tuple(lines)


def next_command(config: PlanConfig) -> str:
    """Return what to run next: the proposed run, where its options were written."""
    launcher = "lmkit pretrain"
    if config.processes > 1:
        launcher = f"torchrun --nproc-per-node {config.processes} -m lmkit pretrain"
    if config.output is None:
        return f"the same with --output FOLDER writes a config.toml for {launcher} --config"
    file = shlex.quote(str(config.output / CONFIG))
    return f"{launcher} --config {file} --output {shlex.quote(str(config.output.parent / 'run'))}"
