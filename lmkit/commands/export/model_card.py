"""README.md of an exported model, filled in from the records of its run.

Choices:
- Only what is known is written. Intended use and limitations aren't known: the card states that
  they are missing.
- No path of the machine that trained it: only the last names of folders are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from lmkit.artifacts.manifest import MANIFEST, Manifest, Plan, read
from lmkit.artifacts.tasks import PARTIAL
from lmkit.huggingface.family import Family
from lmkit.huggingface.parity_check import ParityResult
from lmkit.model.cost import parameters
from lmkit.storage.json_bytes import read_object
from lmkit.training.checkpoints.layout import STATE, step_of
from lmkit.training.checkpoints.resolved_values import known_lr, known_warmup
from lmkit.training.checkpoints.run_record import RunRecord
from lmkit.training.checkpoints.trained_model import Description, run_of

TASKS = {
    "AutoModelForCausalLM": "text-generation",
    "AutoModelForMaskedLM": "fill-mask",
    "AutoModelForSeq2SeqLM": "text2text-generation",
}


@dataclass(frozen=True)
class Training:
    """What is known of a run."""

    plan: Plan | None
    """Its manifest, or its plan while it is unfinished; None where neither exists."""
    record: RunRecord | None
    """Its results; None while it is unfinished."""
    step: int
    state: Mapping[str, Any]
    """The training state of the checkpoint."""
    automatic_lr: float | None = None
    """What `--optim.lr auto` was; None where that isn't known."""
    automatic_warmup: int | None = None
    """What `--schedule.warmup-steps auto` was."""

    @classmethod
    def of(cls, checkpoint: Path) -> "Training":
        """Read the records of a checkpoint's run."""
        run = run_of(checkpoint)
        manifest = read(Manifest, run / MANIFEST)
        return cls(
            manifest or read(Plan, run / PARTIAL / "plan.json"),
            RunRecord.from_manifest(manifest, run) if manifest else None,
            step_of(checkpoint),
            read_object(checkpoint / STATE),
            known_lr(run),
            known_warmup(run),
        )


def model_card(
    name: str, family: Family, description: Description, training: Training, parity: ParityResult
) -> str:
    """Return the card."""
    sections = [
        _head(family),
        f"# {name}\n\nPre-trained with lmkit; a `{family.architecture}`.",
        _usage(name, family),
        "## Shape\n\n" + _table(_shape(description)),
        "## Training\n\n" + _table(_recipe(description, training)),
        _data(training.record),
        "## Checked\n\n"
        f"Loaded by Transformers in fp32 its logits differ from those of the trained model by at "
        f"most {parity.difference:.1e} (the largest logit is {parity.largest:.2f}): over "
        "whole rows, padded rows, and several documents in one row against each alone.",
        "## Not said here\n\nLicence, intended use, known faults and biases: nobody has written "
        "them down yet.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(family: Family) -> str:
    lines = ["library_name: transformers", f"pipeline_tag: {TASKS[family.auto]}", "tags: [lmkit]"]
    if family.model_type == "xlnet":  # Transformers has no task with its bidirectional attention
        del lines[1]
    return "---\n" + "\n".join(lines) + "\n---"


def _usage(name: str, family: Family) -> str:
    return (
        "## Use\n\n```python\n"
        f"from transformers import AutoTokenizer, {family.auto}\n\n"
        f'tokenizer = AutoTokenizer.from_pretrained("{name}")\n'
        f'model = {family.auto}.from_pretrained("{name}")\n'
        "```"
    )


def _shape(description: Description) -> dict[str, object]:
    config = description.config
    return {
        "parameters": f"{parameters(config, description.vocabulary_size):,}",
        "vocabulary": f"{description.vocabulary_size:,}",
        "layers": config.layers,
        "hidden size": f"{config.hidden_size:,}",
        "heads": f"{config.heads} ({config.kv_heads} for keys and values)",
        "feed-forward size": f"{config.ffn_size:,}, {config.activation}",
        "positions": config.position,
        "row of training": f"{description.sequence_length:,} tokens",
    }


def _recipe(description: Description, training: Training) -> dict[str, object]:
    known: dict[str, object] = {
        "objective": description.objective,
        "steps": f"{training.step:,}",
        "tokens trained on": f"{training.state.get('tokens', 0):,}",
    }
    config = training.plan.config if training.plan else {}
    if config:
        optim, schedule = config["optim"], config["schedule"]
        peak = training.automatic_lr if optim["lr"] == "auto" else optim["lr"]
        warmup = schedule["warmup_steps"]
        warmup = training.automatic_warmup if warmup == "auto" else warmup
        rate = "" if peak is None else f"{peak:g}"
        warm = "" if warmup is None else f"{warmup:,} steps of warm-up"
        known |= {
            "tokens in a batch": f"{config['batch_tokens']:,}",
            "optimizer": optim["algorithm"],
            "learning rate": ", ".join(filter(None, (rate, warm))),
            "weight decay": f"{optim['weight_decay']:g}",
            "seed": config["seed"],
        }
        if config.get("init_from"):
            known["begun from"] = PurePath(config["init_from"]).name
    if training.record:
        known["precision"] = training.record.precision
    loss = training.state.get("validation_loss")
    if loss is not None:
        known["loss on held-out rows"] = f"{loss:.4f} nats a token"
    return known


def _data(record: RunRecord | None) -> str:
    if record is None:
        return ""
    rows = [
        f"| {PurePath(reads.folder).name} | {reads.share_of_tokens:.1%} | {reads.epochs:g} |"
        for reads in record.mixture
    ]
    head = "| packed folder | share of the tokens | times read |\n| --- | --- | --- |"
    return "\n".join(["## Data\n", head, *rows])


def _table(rows: Mapping[str, object]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])
