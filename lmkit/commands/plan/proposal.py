"""What a plan proposes, as it is stored in plan.json, printed as JSON, and shown."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from lmkit.artifacts.manifest import Amount, Count, Record
from lmkit.commands.plan.finished_runs import FinishedRun
from lmkit.execution.amounts import duration, plural, size
from lmkit.execution.short_view import ShortView
from lmkit.execution.tables import shown
from lmkit.training.planning.law_calibration import Prediction


class SizeRow(Record):
    """A model, and the run that the budget is enough for."""

    layers: Count
    hidden_size: Count
    heads: Count
    parameters: Annotated[int, Field(ge=1, lt=1 << 63)]
    vocabulary_parameters: Count
    """Of these, in the embedding and the output."""
    steps: Count
    batch_tokens: Count
    tokens: Count
    """Positions of all batches."""
    epochs: Amount
    loss: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    """Expected on the held-out sequences, in nats per token; None where nothing is known."""
    low: Amount | None
    high: Amount | None
    """The interval that holds it with 90%."""
    pauses: Count
    """Validations and checkpoints."""
    seconds: Amount
    memory: Count
    tokens_per_second: Amount
    """Of all processes."""
    flops: Amount
    is_measured: bool
    """Whether the speed was measured; otherwise it is interpolated."""


class Proposal(ShortView, Record):
    """The proposed run, and others around it."""

    chosen: SizeRow
    sizes: tuple[SizeRow, ...]
    """Around it, the smallest first."""
    objective: str
    architecture: str
    data: str
    vocabulary: str
    repetition: str | None
    """What repeated data is worth, where some is."""
    learning_rate: str
    bits_per_byte: Amount | None
    device: str
    free_memory: Count | None
    processes: Count
    cost: Amount | None
    """Of the run, in the currency of --price."""
    pilots: tuple[FinishedRun, ...]
    earlier: tuple[FinishedRun, ...]
    rests_on: tuple[str, ...]
    """What the prediction rests on, and what it doesn't cover."""
    command: str
    """What to run next."""

    def to_json(self) -> dict[str, Any]:
        """Return the values for --json."""
        return self.model_dump(mode="json")

    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return what a Python shell shows of it."""
        return "lmkit plan", self._facts()

    def shown(self) -> str:
        """Return the printed text."""
        rows = [_cells(row, is_chosen=row == self.chosen) for row in self.sizes]
        runs = [_run_cells(run) for run in (*self.pilots, *self.earlier)]
        tables = {
            "plan": self._facts(),
            **({"sizes": rows} if len(rows) > 1 else {}),
            **({"runs that the loss is predicted from": runs} if runs else {}),
        }
        rests_on = [f"- {each}" for each in self.rests_on]
        lines = ["", "What this rests on:", *rests_on, "", "Next:", f"  {self.command}"]
        return "\n".join([shown(tables), *lines])

    def _facts(self) -> dict[str, str]:
        row = self.chosen
        share = row.vocabulary_parameters / row.parameters
        free = "" if self.free_memory is None else f" of {size(self.free_memory)} free"
        together = f", {self.processes} processes" if self.processes > 1 else ""
        facts = {
            "model": f"{self.architecture}, {plural(row.layers, 'layer')} of {row.hidden_size}, "
            f"{plural(row.heads, 'head')}: {row.parameters:,} parameters, "
            f"{share:.0%} of the vocabulary",
            "objective": self.objective,
            "data": self.data,
            "vocabulary": self.vocabulary,
            "batch": f"{row.batch_tokens:,} tokens",
            "learning rate": self.learning_rate,
            "steps": f"{row.steps:,}, which are {row.tokens:,} tokens, "
            f"{row.tokens / row.parameters:.1f} per parameter, {row.flops:.2e} FLOPs",
            "epochs": f"{row.epochs:.2f}" + (f"; {self.repetition}" if self.repetition else ""),
            "validation loss": _loss_text(row, self.bits_per_byte),
            "time": f"{duration(row.seconds)}, {row.tokens_per_second:,.0f} tokens per second on "
            f"{self.device}{together}",
            "memory": f"{size(row.memory)}{free}",
        }
        if self.cost is not None:
            facts["cost"] = f"{self.cost:,.2f}"
        return facts


def _loss_text(row: SizeRow, bits_per_byte: float | None) -> str:
    if row.loss is None or row.low is None or row.high is None:
        return "not predicted"
    interval = Prediction(row.loss, row.low, row.high)
    wide = max(interval.high / interval.loss - 1, 1 - interval.low / interval.loss)
    bits = "" if bits_per_byte is None else f"; {bits_per_byte:.3f} bits per byte"
    return (
        f"{interval.loss:.3f} nats per token, with 90% between {interval.low:.3f} and "
        f"{interval.high:.3f} (±{wide:.1%}){bits}"
    )


def _cells(row: SizeRow, *, is_chosen: bool) -> dict[str, Any]:
    has_loss = row.loss is not None and row.low is not None and row.high is not None
    loss = f"{row.loss:.3f} ({row.low:.3f} to {row.high:.3f})" if has_loss else "none"
    return {
        "": "*" if is_chosen else "",
        "layers": row.layers,
        "hidden size": row.hidden_size,
        "parameters": f"{row.parameters / 1e6:,.1f} M",
        "tokens": f"{row.tokens / 1e6:,.1f} M",
        "epochs": f"{row.epochs:.2f}",
        "loss": loss,
        "time": duration(row.seconds),
        "memory": size(row.memory),
        "speed": "measured" if row.is_measured else "interpolated",
    }


def _run_cells(run: FinishedRun) -> dict[str, Any]:
    return {
        "layers": run.layers,
        "hidden size": run.hidden_size,
        "parameters": f"{run.parameters / 1e6:,.1f} M",
        "steps": run.steps,
        "tokens": f"{run.tokens / 1e6:,.2f} M",
        "loss": f"{run.loss:.4f}",
        "time": duration(run.seconds),
    }
