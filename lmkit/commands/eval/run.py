"""Eval: how well a run's model predicts held-out text.

Choices:
- On a packed folder, the held-out sequences as they are packed: the loss is the one that training
  measured. On documents, each document begins a sequence, so a score depends neither on the other
  documents nor on their order.
- A model is evaluated with its training objective: masks, orders and spans are sampled with a fixed
  seed, for documents together with the document's id. For clm the text is unchanged.
- Bits per byte compare models with different tokenizers; loss and perplexity don't. They are known
  for clm only, which predicts every byte of the text exactly once.
- Without --output the scores are only printed.
"""

import json
import math
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import OutcomeFiles
from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.inputs import Inputs, find_documents, folder_input
from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.output_folder import OutputFolder, refuse_overlap
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.eval.options import EvalConfig
from lmkit.errors import InputError, LmkitError
from lmkit.evaluation.documents import Reading, Scorer, Scores
from lmkit.execution.progress import log_message, warn
from lmkit.packing.packed_folder import PackedFolder
from lmkit.storage.atomic_files import sha256
from lmkit.training.checkpoints.layout import MODEL
from lmkit.training.checkpoints.trained_model import TrainedModel, find_run, open_run
from lmkit.training.precision import find_device

SCORES = "scores.json"


def evaluate(config: EvalConfig) -> Scores:
    """Score a run on held-out text."""
    if packed := PackedFolder.of(config.data, finished_manifest(config.data)):
        check_finished(config.data, hashes=True, below="validation/")
        documents = folder_input(config.data, "data", packed.manifest.fingerprint)
    else:
        documents = find_documents([config.data], formats=("jsonl",))

    device = find_device(config.device)
    _, checkpoint = find_run(config.run)
    folder = _folder(config, documents, checkpoint)
    if folder and folder.up_to_date():
        log_message(f"{config.output}: up to date")
        return _read(folder.path)
    trained = open_run(checkpoint, device)
    if packed:
        _refuse_other_tokenizer(config, packed, trained)
    with _locked(folder):
        if folder and folder.up_to_date():  # another process has finished it meanwhile
            return _read(folder.path)
        reading, scorer = Reading(), _scorer(config, trained)
        if packed:
            score = scorer.packed(packed)
        else:
            score = scorer.documents(documents, reading, config.max_record)
        if count := len(reading.unreadable):
            warn(f"{config.data}: {count:,} records could not be read and are not in the scores")
        if not scorer.objective.predicts_whole_text:
            score = replace(score, bytes=0)
        if not score.tokens:
            raise InputError(f"--data: {config.data} has nothing to predict")
        scores = Scores.of(score, checkpoint)
        if folder:
            _write(folder, scores, reading)
    return scores


def _scorer(config: EvalConfig, trained: TrainedModel) -> Scorer:
    return Scorer(
        trained.model,
        trained.tokenizer,
        trained.description.learned,
        trained.description.packing,
        config.precision,
        config.micro_batch,
    )


@contextmanager
def _locked(folder: OutputFolder | None) -> Generator[None]:
    """Lock the output folder, if there is one; remove it if it is still empty at the end."""
    if folder is None:
        yield
        return
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with folder_lock(folder.path):
            yield
    finally:
        with suppress(OSError):
            folder.path.rmdir()  # fails, as intended, if it isn't empty


def _folder(config: EvalConfig, documents: Inputs, checkpoint: Path) -> OutputFolder | None:
    if config.output is None:
        return None
    refuse_overlap(config.output, [config.run, config.data])

    model = folder_input(checkpoint, "model", sha256(checkpoint / MODEL))
    return OutputFolder(config, config.output, documents.merged_with(model).records)


def _refuse_other_tokenizer(
    config: EvalConfig, packed: PackedFolder, trained: "TrainedModel"
) -> None:
    if packed.record.tokenizer != trained.description.tokenizer:
        raise InputError(
            f"--data: {config.data} was packed with another tokenizer than {config.run}",
            "pack the documents with the run's tokenizer: --tokenizer RUN/tokenizer",
        )
    if not packed.record.validation:
        raise InputError(
            f"--data: {config.data} has no held-out sequences",
            "pack with --validation, or give a folder of documents",
        )


def _write(folder: OutputFolder, scores: Scores, reading: Reading) -> None:
    """Write scores.json and its manifest."""
    folder.write_plan()
    writer = TaskWriter(folder.path, "documents", 0)
    writer.read = reading.read_ranges
    with writer.file(SCORES) as path:
        path.write_text(json.dumps(scores.to_json(), indent=2, allow_nan=False) + "\n", "utf-8")
    with OutcomeFiles(writer) as files:
        for unreadable in reading.unreadable:
            files.quarantine(unreadable)
    folder.receipts = [writer.finish()]
    counts = Counts(
        documents_in=reading.documents + files.quarantined,
        documents_out=reading.documents,
        quarantined=files.quarantined,
        more={"tokens": scores.tokens, "bytes": scores.bytes},
    )
    folder.finish(counts)


def _read(folder: Path) -> Scores:
    try:
        values: dict[str, Any] = json.loads((folder / SCORES).read_text("utf-8"))
        values.pop("tasks")
        for name in ("loss", "perplexity", "bits_per_byte"):
            values[name] = math.nan if values[name] is None else values[name]
        return Scores(**values)
    except (OSError, ValueError, TypeError, KeyError):
        raise LmkitError(f"{folder / SCORES}: corrupt", "--overwrite makes it again") from None


def result_text(config: "EvalConfig", scores: "Scores") -> str:
    """Return the scores of a run as one line."""
    result = f"{config.run} ({scores.checkpoint}) on {config.data}: loss {scores.loss:.4f}, "
    result += f"perplexity {scores.perplexity:.2f}"
    if not scores.bytes:  # only an objective that predicts the full text has bits per byte
        return f"{result} ({scores.tokens:,} tokens predicted)"
    return (
        f"{result}, {scores.bits_per_byte:.4f} bits per byte "
        f"({scores.tokens:,} tokens, {scores.bytes:,} bytes)"
    )
