"""Eval: how well a run's model predicts text that it has not seen.

Choices:
- On a packed folder, the held-out rows as they lie there: the loss is the one that training
  measured. On documents, each document begins a row of its own, so a score depends neither on the
  other documents nor on their order.
- A model is asked for what it was trained to say: masks, orders and holes are drawn from a fixed
  seed, for documents together with the document's id. For clm it is the text as it stands.
- Bits per byte compare models with different tokenizers; loss and perplexity don't. They are known
  for clm alone, which says every byte of the text exactly once.
- Without --output the scores are only printed.
"""

import json
import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from lmkit.artifacts.documents import QUARANTINE_FILES, Document, OutcomeFiles, Unreadable
from lmkit.artifacts.folder import OutputFolder, refuse_overlap
from lmkit.artifacts.inputs import Inputs, find_documents, other_folder
from lmkit.artifacts.lock import owning
from lmkit.artifacts.made_folders import check_made, made_by_lmkit
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.tasks import ReadRange, TaskWriter
from lmkit.config import POSITIONAL, FolderConfig
from lmkit.errors import InputError, LmkitError
from lmkit.execution.progress import say, warn
from lmkit.readers.documents import read_slice

if TYPE_CHECKING:
    from lmkit.objectives.choice import Objective
    from lmkit.scoring.perplexity import Score
    from lmkit.training.run import TrainedModel

SCORES = "scores.json"
GROUP_CHARACTERS = 4_000_000
MICRO_BATCH_TOKENS = 16_384


class EvalConfig(FolderConfig):
    """Measure perplexity and bits per byte of a run on held-out text."""

    stage = "eval"
    owns = (r"scores\.json", QUARANTINE_FILES)
    places = FolderConfig.places | {"run", "data"}

    run: Annotated[Path, POSITIONAL]
    """Folder of a run (its best checkpoint, else its latest), or of one checkpoint."""

    data: Path
    """A packed folder, whose held-out rows are read; or documents: a folder, or a .jsonl file."""

    output: Path | None = None
    """Folder to write scores.json to; none: only print."""

    micro_batch: Annotated[Annotated[int, Field(ge=1)] | None, Field(exclude=True)] = None
    """Rows to compute at a time; none: about 16,384 tokens. It changes no result."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """How products are computed."""

    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Field(exclude=True)] = "auto"
    """Where to compute; auto takes a GPU if there is one."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are left out, aloud."""

    workers: Annotated[int, Field(ge=1, exclude=True)] = 1
    """Has no effect: one process computes. Here as in every other stage."""

    seed: Annotated[int, Field(exclude=True)] = 0
    """Has no effect: what is random has a fixed seed. Here as in every other stage."""


@dataclass(frozen=True)
class Scores:
    """What a model got."""

    loss: float
    perplexity: float
    bits_per_byte: float
    tokens: int
    bytes: int
    checkpoint: str

    @classmethod
    def of(cls, score: "Score", checkpoint: Path) -> "Scores":
        """Take over what was summed up."""
        return cls(
            score.loss,
            score.perplexity,
            score.bits_per_byte,
            score.tokens,
            score.bytes,
            checkpoint.name,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what scores.json holds."""
        numbers = {
            "loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
        }
        return {
            # A model that has come apart scores NaN, for which JSON has no number.
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "tokens": self.tokens,
            "bytes": self.bytes,
            "tasks": {},
            "checkpoint": self.checkpoint,
        }


@dataclass
class Reading:
    """What was read of documents."""

    notes: list[ReadRange] = field(default_factory=list[ReadRange])
    documents: int = 0
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])


def evaluate(config: EvalConfig) -> Scores:
    """Score a run on held-out text."""
    packed = made_by_lmkit(config.data)
    if packed is None or packed.stage != "pack":
        packed = None
        documents = find_documents([config.data], formats=("jsonl",))
    else:
        check_made(config.data, hashes=True, below="validation/")
        documents = other_folder(config.data, "data", packed.fingerprint)
    from lmkit.training.precision import find_device
    from lmkit.training.run import find_run, open_run

    device = find_device(config.device)
    _, checkpoint = find_run(config.run)
    folder = _folder(config, documents, checkpoint)
    if folder and folder.up_to_date():
        say(f"{config.output}: up to date")
        return _read(folder.path)
    trained = open_run(checkpoint, device)
    if packed:
        _refuse_other_tokenizer(config, packed, trained)
    with _owned(folder):
        if folder and folder.up_to_date():  # another run has made it meanwhile
            return _read(folder.path)
        reading = Reading()
        if packed:
            score = _score_packed(config, packed, trained)
        else:
            score = _score_documents(config, documents, trained, reading)
        if trained.description.objective != "clm":
            score = replace(score, bytes=0)
        if not score.tokens:
            raise InputError(f"--data: {config.data} holds nothing to predict")
        scores = Scores.of(score, checkpoint)
        if folder:
            _write(folder, scores, reading)
    return scores


@contextmanager
def _owned(folder: OutputFolder | None) -> Generator[None]:
    """Own the output folder, if there is to be one; leave none behind where nothing came of it."""
    if folder is None:
        yield
        return
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with owning(folder.path):
            yield
    finally:
        with suppress(OSError):
            folder.path.rmdir()  # which fails, as it should, where there is something in it


def _folder(config: EvalConfig, documents: Inputs, checkpoint: Path) -> OutputFolder | None:
    if config.output is None:
        return None
    refuse_overlap(config.output, [config.run, config.data])
    from lmkit.artifacts.atomic import sha256
    from lmkit.training.checkpoint_files import MODEL

    model = other_folder(checkpoint, "model", sha256(checkpoint / MODEL))
    return OutputFolder(config, config.output, documents.beside(model).records)


def _refuse_other_tokenizer(config: EvalConfig, packed: Manifest, trained: "TrainedModel") -> None:
    if packed.details["tokenizer"] != trained.description.tokenizer:
        raise InputError(
            f"--data: {config.data} was packed with another tokenizer than {config.run}",
            "pack the documents with the run's own: --tokenizer RUN/tokenizer",
        )
    if "validation" not in packed.details:
        raise InputError(
            f"--data: {config.data} holds no held-out rows",
            "pack with --validation, or name a folder of documents",
        )


def _score_packed(config: EvalConfig, packed: Manifest, trained: "TrainedModel") -> "Score":
    """Score the held-out rows of a packed folder."""
    from lmkit.scoring.perplexity import score_rows
    from lmkit.tokens.rows import TokenRows

    details = packed.details
    length = details["sequence_length"]
    rows = TokenRows.open(config.data / "validation", length, details["pad"])
    device = trained.model.embedding.weight.device
    micro_batch = config.micro_batch or max(1, MICRO_BATCH_TOKENS // length)
    context = partial(autocast, config, trained)
    return score_rows(
        trained.model, rows, None, micro_batch, device, context, objective(trained, length)
    )


def _score_documents(
    config: EvalConfig, documents: Inputs, trained: "TrainedModel", reading: Reading
) -> "Score":
    """Score documents, each from its own beginning."""
    import numpy as np

    from lmkit.scoring.perplexity import Score, score_rows
    from lmkit.tokens.packing import each_alone
    from lmkit.tokens.rows import TokenRows
    from lmkit.tokens.text import well_formed

    length = trained.description.sequence_length
    pad = trained.tokenizer.pad
    assert pad is not None, "it was packed with this tokenizer"
    device = trained.model.embedding.weight.device
    micro_batch = config.micro_batch or max(1, MICRO_BATCH_TOKENS // length)
    context, asked = partial(autocast, config, trained), objective(trained, length)
    total = Score(0.0, 0, 0)
    for group in _groups(config, documents, reading):
        texts = [document.text for document in group]
        sizes = [len(well_formed(text).encode()) for text in texts]
        ids = [_framed(trained, ids) for ids in trained.tokenizer.encode_batch(texts)]
        rows = TokenRows.from_documents(
            list(zip(ids, sizes, strict=True)), length, pad, lay_out=each_alone
        )
        # Rows of about the same length share a batch, so little time goes into padding.
        order = np.argsort(rows.lengths(), kind="stable")
        numbers = np.repeat(np.arange(len(ids)), [-(-len(each) // length) for each in ids])
        keys_R = _row_keys(group, numbers)
        total += score_rows(trained.model, rows, order, micro_batch, device, context, asked, keys_R)
    return total


def objective(trained: "TrainedModel", sequence_length: int) -> "Objective":
    """Return what makes batches of rows of this length, asked as the model was in training."""
    from lmkit.objectives.choice import Packing, objective_of, scored

    description = trained.description
    packing = Packing(sequence_length, description.begin, description.end)
    return objective_of(scored(description.learned), trained.tokenizer, packing)


def _row_keys(group: list[Document], numbers_R: Any) -> Any:
    """Return what is random in each row: its document's id decides, and which row of it it is."""
    import numpy as np

    from lmkit.scoring.perplexity import SEED
    from lmkit.tokens.draws import row_keys
    from lmkit.tokens.split import document_key

    keys = np.array([document_key(SEED, document.id) for document in group], np.uint64)
    within_R = np.arange(len(numbers_R)) - np.searchsorted(numbers_R, numbers_R)
    return row_keys(SEED, 0, keys[numbers_R].astype(np.int64)) ^ row_keys(SEED, 1, within_R)


def _groups(config: EvalConfig, documents: Inputs, reading: Reading) -> Iterator[list[Document]]:
    """Read documents in groups that fit into memory."""
    group: list[Document] = []
    room = GROUP_CHARACTERS
    for part in documents.slices:
        for document in read_slice(part, reading.notes, max_record=config.max_record):
            if isinstance(document, Unreadable):
                reading.unreadable.append(document)
                continue
            reading.documents += 1
            group.append(document)
            room -= len(document.text)
            if room <= 0:
                yield group
                group, room = [], GROUP_CHARACTERS
    if reading.unreadable:
        count = len(reading.unreadable)
        warn(f"{config.data}: {count:,} records could not be read and are not in the scores")
    if group:
        yield group


def _framed(trained: "TrainedModel", ids: Any) -> Any:
    import numpy as np

    begin, end = trained.description.begin, trained.description.end
    ends = ([] if token is None else [token] for token in (begin, end))
    first, last = (np.array(part, np.uint32) for part in ends)
    return np.concatenate([first, ids, last])


def autocast(config: EvalConfig, trained: "TrainedModel") -> Any:
    """Return the context in which a model computes."""
    import torch

    device = trained.model.embedding.weight.device.type
    return torch.autocast(device, torch.bfloat16, enabled=config.precision == "bf16")


def _write(folder: OutputFolder, scores: Scores, reading: Reading) -> None:
    """Write scores.json and its manifest."""
    folder.begin()
    writer = TaskWriter(folder.path, "documents", 0)
    writer.read = reading.notes
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
        raise LmkitError(f"{folder / SCORES}: damaged", "--overwrite makes it again") from None
