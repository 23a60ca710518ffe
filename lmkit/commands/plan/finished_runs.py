"""What finished runs show: pilot runs, and earlier runs that a person names.

Choice: only the loss after the last step counts. While the learning rate is still high, a loss is
higher than that of a run that ends there (section 3.1 of Hoffmann et al. 2022).
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lmkit.artifacts.finished_folders import finished_manifest
from lmkit.artifacts.inputs import Inputs, folder_input
from lmkit.artifacts.manifest import MANIFEST, Amount, Count, Manifest, Record
from lmkit.commands.plan.planned_data import PlannedData
from lmkit.errors import InputError
from lmkit.training.checkpoints.run_record import RunRecord
from lmkit.training.checkpoints.trained_model import read_description
from lmkit.training.metrics import METRICS
from lmkit.training.metrics import read as read_metrics
from lmkit.training.planning.law_calibration import Observation

FIRST_STEPS = 5
"""Steps whose speed isn't that of the others."""
LARGEST_LOSS = 1e6
Positive = Annotated[int, Field(ge=1, lt=1 << 63)]


class FinishedRun(Record):
    """A finished run on the same data."""

    layers: Count
    hidden_size: Count
    parameters: Positive
    steps: Positive
    tokens: Positive
    effective_tokens: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """New tokens that they are worth."""
    loss: Annotated[float, Field(gt=0, le=LARGEST_LOSS, allow_inf_nan=False)]
    """On the held-out sequences, after the last step, in nats per token."""
    seconds: Amount
    """Of the whole run."""
    training_seconds: Amount
    """Of its steps alone."""
    tokens_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Of a step, the median."""

    @property
    def observation(self) -> Observation:
        """What a law is fitted to."""
        return Observation(self.parameters, self.effective_tokens, self.loss, self.steps)


def finished_run(folder: Path, manifest: Manifest, data: PlannedData) -> FinishedRun:
    """Read a run. Raises InputError where it has no validation loss, or is damaged."""
    record, steps = RunRecord.from_manifest(manifest, folder), list(read_metrics(folder))
    if record.validation_loss is None or not steps:
        raise InputError(
            f"{folder}: the run has no validation loss",
            "it diverged, or its data has no held-out sequences",
        )
    model = read_description(folder).config
    try:
        if steps[-1].step != manifest.counts.more.get("steps"):
            raise ValueError("metrics that end before the run")
        speeds = [float(each.tokens_per_second) for each in steps]
        return FinishedRun(
            layers=model.layers,
            hidden_size=model.hidden_size,
            parameters=record.parameters,
            steps=len(steps),
            tokens=steps[-1].tokens,
            effective_tokens=data.effective_of_tokens(steps[-1].tokens),
            loss=record.validation_loss,
            seconds=manifest.seconds,
            training_seconds=training_seconds([each.tokens for each in steps], speeds),
            tokens_per_second=statistics.median(speeds[min(FIRST_STEPS, len(speeds) - 1) :]),
        )
    except (ValueError, TypeError, ArithmeticError):  # including pydantic's ValidationError
        raise InputError(
            f"{folder}: {METRICS} or {MANIFEST} is damaged: they don't fit, or hold an impossible "
            "number",
            "restore a good copy, or train the run again",
        ) from None


def training_seconds(tokens: Sequence[int], speeds: Sequence[float]) -> float:
    """Return the seconds of all steps.

    Args:
        tokens: read so far, after each step.
        speeds: tokens per second of each step.

    >>> training_seconds([10, 30], [10.0, 5.0])
    5.0

    """
    before = [0, *tokens]
    parts = zip(before, tokens, speeds, strict=False)
    return sum((now - then) / speed for then, now, speed in parts)


def earlier_runs(
    paths: Sequence[Path], data: PlannedData, objective: str
) -> tuple[list[FinishedRun], list[Inputs]]:
    """Read the runs that were named, and return them also as inputs of the plan.

    Raises InputError for one that isn't finished, or was trained on other data.
    """
    found: list[FinishedRun] = []
    inputs: list[Inputs] = []
    for path in paths:
        manifest = finished_manifest(path)
        if manifest is None or manifest.stage != "pretrain":
            missing = "no such folder" if not path.exists() else "no finished run"
            raise InputError(f"--runs: {path}: {missing}", "name a folder that lmkit pretrain made")
        trained_on = {digest for each in manifest.inputs for digest in each.sha256}
        for folder in data.packed.folders:
            if folder.manifest.fingerprint not in trained_on:
                raise InputError(
                    f"--runs: {path}: trained on other data than {folder.path}",
                    "losses on different data can't be compared: leave it out",
                )
        learned = read_description(path).objective
        if learned != objective:
            raise InputError(
                f"--runs: {path}: trained with --objective {learned}, and this is {objective}",
                "losses of different objectives can't be compared: leave it out",
            )
        found.append(finished_run(path, manifest, data))
        inputs.append(folder_input(path, "run", manifest.fingerprint))
    return found, inputs
