"""Eval: how well a run's model predicts held-out text, and how well it does tasks.

Choices:
- On a packed folder, the held-out sequences as they are packed: the loss is the one that training
  measured. On documents, each document begins a sequence, so a score depends neither on the other
  documents nor on their order.
- A model is evaluated with its training objective: masks, orders and spans are sampled with a fixed
  seed, for documents together with the document's id. For clm the text is unchanged.
- Bits per byte compare models with different tokenizers; loss and perplexity don't. They are known
  for clm only, which predicts every byte of the text exactly once.
- Tasks are read and checked before the model is loaded: a wrong line costs no time.
- Without --output the scores are only printed.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lmkit.artifacts.documents_file import OutcomeFiles
from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.inputs import Inputs, find_documents, folder_input
from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.output_folder import OutputFolder, refuse_overlap
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.eval.options import EvalConfig
from lmkit.errors import ConfigError, InputError
from lmkit.evaluation.documents import Reading, Scorer
from lmkit.evaluation.scores import SCORES, Scores, read_scores
from lmkit.evaluation.tasks.answers_file import ANSWERS, scores_in, write_answers
from lmkit.evaluation.tasks.lm_eval_json import LM_EVAL_JSON, lm_eval_json
from lmkit.evaluation.tasks.score_table import score_sections
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.evaluation.tasks.task_scorer import ScoredModel, TaskScorer, task_scorer
from lmkit.evaluation.tasks.task_scores import TaskScores, task_scores
from lmkit.evaluation.text_score import Score
from lmkit.execution.pool import map_tasks
from lmkit.execution.progress import log_message, warn
from lmkit.execution.tables import shown
from lmkit.packing.packed_folder import PackedFolder
from lmkit.training.checkpoints.open_model import find_model, model_input, open_model
from lmkit.training.checkpoints.trained_model import TrainedModel
from lmkit.training.precision import find_device

NO_INPUTS = Inputs((), (), (), {})


@dataclass(frozen=True)
class _Wanted:
    """What a model is evaluated on."""

    packed: PackedFolder | None
    documents: Inputs
    """The documents, or the packed folder."""
    tasks: tuple[Task, ...]
    inputs: Inputs
    """The documents and the task files."""


def evaluate(config: EvalConfig) -> Scores:
    """Score a run on held-out text and on tasks."""
    wanted = _wanted(config)
    device = find_device(config.device)
    checkpoint = find_model(config.run)
    folder = _folder(config, wanted.inputs, checkpoint)
    if folder and folder.up_to_date():
        log_message(f"{config.output}: up to date")
        return read_scores(folder.path)
    trained = open_model(checkpoint, device)
    if wanted.packed:
        _refuse_other_tokenizer(config, wanted.packed, trained)
    scorer = _task_scorer(config, trained) if wanted.tasks else None
    with _locked(folder):
        if folder and folder.up_to_date():  # another process has finished it meanwhile
            return read_scores(folder.path)
        reading = Reading()
        score = _score_data(config, trained, wanted, reading)
        if folder:
            folder.write_plan()
        found = _score_tasks(scorer, wanted.tasks, folder) if scorer else {}
        scores = Scores.of(score, checkpoint, found)
        if folder:
            _write(folder, scores, reading)
    return scores


def _wanted(config: EvalConfig) -> _Wanted:
    """Find and check what is read. Raises InputError, and ConfigError if there is nothing."""
    packed, documents = None, NO_INPUTS
    if config.data is None and not config.task:
        raise ConfigError(
            "--data: missing, and --task too; give one of them, or both", "see: lmkit eval --help"
        )
    if config.data is not None:
        if packed := PackedFolder.of(config.data, finished_manifest(config.data)):
            check_finished(config.data, hashes=True, below="validation/")
            documents = folder_input(config.data, "data", packed.manifest.fingerprint)
        else:
            documents = find_documents([config.data], formats=("jsonl",))
    if not config.task:
        return _Wanted(packed, documents, (), documents)
    files = read_task_files(config, config.max_record, first_input=len(documents.records))
    return _Wanted(packed, documents, files.tasks, documents.merged_with(files.inputs))


def _score_data(
    config: EvalConfig, trained: TrainedModel, wanted: _Wanted, reading: Reading
) -> Score:
    """Score the held-out text. Raises InputError if there is nothing to predict."""
    if config.data is None:
        return Score(0.0, 0, 0)
    scorer = Scorer(
        trained.model,
        trained.tokenizer,
        trained.description.learned,
        trained.description.packing,
        config.precision,
        config.micro_batch,
    )
    if wanted.packed:
        score = scorer.packed(wanted.packed)
    else:
        score = scorer.documents(wanted.documents, reading, config.max_record)
    if count := len(reading.unreadable):
        warn(f"{config.data}: {count:,} records could not be read and are not in the scores")
    if not scorer.objective.predicts_whole_text:
        score = replace(score, bytes=0)
    if not score.tokens:
        raise InputError(f"--data: {config.data} has nothing to predict")
    return score


def _task_scorer(config: EvalConfig, trained: TrainedModel) -> TaskScorer:
    made = trained.description
    scored = ScoredModel(trained.model, trained.tokenizer, made.learned, made.packing, made.longest)
    return task_scorer(scored, config, config.precision, config.micro_batch)


def _score_tasks(
    scorer: TaskScorer, tasks: tuple[Task, ...], folder: OutputFolder | None
) -> Mapping[str, TaskScores]:
    """Answer the tasks, and write the answers if there is a folder."""
    if folder:
        write = partial(write_answers, scorer)
        receipts = folder.run(ANSWERS, write, tasks, label="answering tasks")
        return dict(scores_in(receipt.facts) for receipt in receipts)

    def scores_of(task: Task) -> TaskScores:
        return task_scores(task, list(scorer.answers(task)), scorer.method)

    found = map_tasks(scores_of, tasks, workers=1, label="answering tasks")
    return {task.name: each for task, each in zip(tasks, found, strict=True)}


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


def _folder(config: EvalConfig, inputs: Inputs, checkpoint: Path) -> OutputFolder | None:
    if config.output is None:
        return None
    refuse_overlap(config.output, [config.run, *inputs.arguments])

    model = model_input(checkpoint)
    return OutputFolder(config, config.output, inputs.merged_with(model).records)


def _refuse_other_tokenizer(
    config: EvalConfig, packed: PackedFolder, trained: TrainedModel
) -> None:
    if packed.record.tokenizer != trained.description.tokenizer:
        raise InputError(
            f"--data: {config.data} was packed with another tokenizer than {config.run}",
            "pack the documents with the run's tokenizer: --tokenizer RUN/tokenizer, or of a "
            "Transformers folder --tokenizer RUN",
        )
    positions, length = trained.description.config.longest, packed.record.sequence_length
    if positions is not None and length > positions:
        raise InputError(
            f"--data: {config.data} has sequences of {length:,} tokens, and {config.run} has "
            f"learned {positions:,} positions",
            "pack with a shorter --sequence-length",
        )
    if not packed.record.validation:
        raise InputError(
            f"--data: {config.data} has no held-out sequences",
            "pack with --validation, or give a folder of documents",
        )


def _write(folder: OutputFolder, scores: Scores, reading: Reading) -> None:
    """Write scores.json, and of tasks lm-eval.json, and the manifest."""
    writer = TaskWriter(folder.path, "documents", 0)
    writer.read = reading.read_ranges
    files_to_write = {SCORES: scores.to_json()}
    if scores.tasks:
        files_to_write[LM_EVAL_JSON] = lm_eval_json(scores.tasks, scores.groups, scores.checkpoint)
    for name, content in files_to_write.items():
        with writer.file(name) as path:
            path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")
    with OutcomeFiles(writer) as files:
        for unreadable in reading.unreadable:
            files.quarantine(unreadable)
    folder.receipts.append(writer.finish())
    counted = {"tokens": scores.tokens, "bytes": scores.bytes}
    if scores.tasks:
        counted["items"] = sum(task.items for task in scores.tasks.values())
    counts = Counts(
        documents_in=reading.documents + files.quarantined,
        documents_out=reading.documents,
        quarantined=files.quarantined,
        more=counted,
    )
    folder.finish(counts)


def result_text(config: EvalConfig, scores: Scores) -> str:
    """Return the scores on held-out text as one line, and those on tasks as a table."""
    lines = [] if config.data is None else [_data_text(config, scores)]
    if scores.tasks:
        lines += ["" for _ in lines] + [shown(score_sections(scores.tasks, scores.groups))]
    return "\n".join(lines)


def _data_text(config: EvalConfig, scores: Scores) -> str:
    result = f"{config.run} ({scores.checkpoint}) on {config.data}: loss {scores.loss:.4f}, "
    result += f"perplexity {scores.perplexity:.2f}"
    if not scores.bytes:  # only an objective that predicts the full text has bits per byte
        return f"{result} ({scores.tokens:,} tokens predicted)"
    return (
        f"{result}, {scores.bits_per_byte:.4f} bits per byte "
        f"({scores.tokens:,} tokens, {scores.bytes:,} bytes)"
    )
