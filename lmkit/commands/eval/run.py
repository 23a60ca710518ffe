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
- Text of several sources has a score of each: of a packed folder as a whole, of documents by the
  source that they name.
- Several processes share batches and items; the first one alone writes.
- Without --output the scores are only printed.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import OutcomeFiles
from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.overlap import refuse_overlap
from lmkit.artifacts.tasks import TaskWriter, finished
from lmkit.commands.eval.options import EvalConfig
from lmkit.commands.eval.scored_inputs import (
    ScoredInputs,
    find_scored_inputs,
    refuse_other_tokenizer,
)
from lmkit.errors import InputError
from lmkit.evaluation.documents import Reading, Scorer
from lmkit.evaluation.processes import Processes
from lmkit.evaluation.scores import SCORES, Scores, read_scores, source_rows
from lmkit.evaluation.tasks.answers_file import ANSWERS, scores_in, write_answers
from lmkit.evaluation.tasks.dealt_tasks import answer_together
from lmkit.evaluation.tasks.lm_eval_json import LM_EVAL_JSON, lm_eval_json
from lmkit.evaluation.tasks.score_table import score_sections
from lmkit.evaluation.tasks.task_file import Task
from lmkit.evaluation.tasks.task_scorer import ScoredModel, TaskScorer, task_scorer
from lmkit.evaluation.tasks.task_scores import TaskScores, task_scores
from lmkit.evaluation.text_score import Score
from lmkit.execution.meter import nothing_read
from lmkit.execution.progress import log_message, progress, warn
from lmkit.execution.ranks import rank, ranks
from lmkit.execution.tables import shown
from lmkit.execution.work import BYTES
from lmkit.training.checkpoints.open_model import find_model, model_input, open_model
from lmkit.training.checkpoints.trained_model import TrainedModel
from lmkit.training.distributed.rank_zero import (
    local_device,
    on_rank_zero,
    process_group,
    sum_over_ranks,
)
from lmkit.training.precision import find_device


def evaluate(config: EvalConfig) -> Scores:
    """Score a run on held-out text and on tasks."""
    inputs = find_scored_inputs(config)
    with process_group(config.device):
        processes = Processes(rank(), ranks(), sum_over_ranks)
        device = local_device() if ranks() > 1 else find_device(config.device)
        checkpoint = find_model(config.run)
        # Of several processes only the first one writes.
        folder = _folder(config, inputs.inputs, checkpoint) if processes.rank == 0 else None
        if made := on_rank_zero(lambda: _finished(folder)):
            log_message(f"{config.output}: up to date")
            return made
        with progress("loading the model", None):
            trained = open_model(checkpoint, device)
        for packed in inputs.packed.values():
            refuse_other_tokenizer(config, packed, trained)
        scorer = _task_scorer(config, trained) if inputs.tasks else None
        with ExitStack() as stack:
            if made := on_rank_zero(lambda: _claimed(folder, stack)):
                return made  # another run has made it meanwhile
            reading = Reading()
            sources = _score_data(config, trained, inputs, reading, processes)
            if folder:
                folder.write_plan()
            found = _score_tasks(scorer, inputs.tasks, folder, processes) if scorer else {}
            scores = Scores.of(sources, checkpoint, found)
            if folder:
                _write(folder, scores, reading)
    return scores


def _finished(folder: OutputFolder | None) -> Scores | None:
    """Return the scores of an output folder, if it is up to date."""
    return read_scores(folder.path) if folder and folder.up_to_date() else None


def _claimed(folder: OutputFolder | None, stack: ExitStack) -> Scores | None:
    """Lock an output folder, if there is one; return its scores if it is up to date by now."""
    stack.enter_context(_locked(folder))
    return _finished(folder)


def _score_data(
    config: EvalConfig,
    trained: TrainedModel,
    inputs: ScoredInputs,
    reading: Reading,
    processes: Processes,
) -> dict[str, Score]:
    """Score the held-out text by source. Raises InputError if there is nothing to predict."""
    made = trained.description
    scorer = Scorer(
        trained.model,
        trained.tokenizer,
        made.learned,
        made.packing,
        config.precision,
        config.micro_batch,
        processes,
    )
    with _text_progress(inputs) as on_bytes:
        scorer = replace(scorer, on_bytes=on_bytes)
        scores = {name: scorer.packed(folder) for name, folder in inputs.packed.items()}
        by_source = scorer.documents(inputs.documents, reading, config.max_record)
        for name, score in by_source.items():
            scores[name] = scores.get(name, Score(0.0, 0, 0)) + score
    if count := len(reading.unreadable):
        warn(f"{_shown(config.data)}: {count:,} records could not be read and are not scored")
    if not scorer.objective.predicts_whole_text:
        scores = {name: replace(score, bytes=0) for name, score in scores.items()}
    if config.data and not any(score.tokens for score in scores.values()):
        raise InputError(f"--data: {_shown(config.data)} has nothing to predict")
    return dict(sorted(scores.items()))


@contextmanager
def _text_progress(inputs: ScoredInputs) -> Generator[Callable[[float], None]]:
    """Show how much of the text is scored; yield what takes the bytes of a part."""
    sizes = [folder.sequences("validation").bytes_of_text for folder in inputs.packed.values()]
    total = sum(sizes) + sum(part.weight for part in inputs.documents.slices)
    if not total:
        yield lambda _: None
        return
    done = 0.0
    with progress("scoring text", total, BYTES, nothing_read) as step:

        def add(size: float) -> None:
            nonlocal done
            step(int(done + size) - int(done))
            done += size

        yield add
        step(total)  # the size of documents was an estimate


def _shown(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))


def _task_scorer(config: EvalConfig, trained: TrainedModel) -> TaskScorer:
    made = trained.description
    scored = ScoredModel(trained.model, trained.tokenizer, made.learned, made.packing, made.longest)
    return task_scorer(scored, config, config.precision, config.micro_batch)


def _score_tasks(
    scorer: TaskScorer,
    tasks: tuple[Task, ...],
    folder: OutputFolder | None,
    processes: Processes,
) -> Mapping[str, TaskScores]:
    """Answer the tasks, and write the answers if there is a folder."""
    done = on_rank_zero(lambda: _done(folder, len(tasks)))
    left = [task for number, task in enumerate(tasks) if number not in done]
    with progress("answering tasks", sum(len(task.items) for task in left), "item") as step:
        answers = answer_together(scorer, left, processes, step)
        if folder is None:
            pairs = zip(left, answers, strict=True)
            return {task.name: task_scores(task, found, scorer.method) for task, found in pairs}

        def write(task: Task, writer: TaskWriter) -> None:
            write_answers(task, next(answers), scorer.method, writer)

        receipts = folder.run(ANSWERS, write, tasks, label="answering tasks")
        return dict(scores_in(receipt.facts) for receipt in receipts)


def _done(folder: OutputFolder | None, count: int) -> set[int]:
    """Return the numbers of the tasks that an interrupted run has finished."""
    if folder is None:
        return set()
    return {number for number in range(count) if finished(folder.path, ANSWERS, number)}


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
    counted = {"tokens": scores.text.tokens, "bytes": scores.text.bytes}
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
    """Return the scores on held-out text in a line, those by source and on tasks in tables."""
    lines = [_text_line(config, scores)] if config.data else []
    sections: dict[str, Any] = {}
    if scores.sources:
        sections["sources"] = source_rows(scores.sources)
    if scores.tasks:
        sections |= score_sections(scores.tasks, scores.groups)
    if sections:
        lines += ["" for _ in lines] + [shown(sections)]
    return "\n".join(lines)


def _text_line(config: EvalConfig, scores: Scores) -> str:
    text = scores.text
    result = f"{config.run} ({scores.checkpoint}) on {_shown(config.data)}: loss {text.loss:.4f}, "
    result += f"perplexity {text.perplexity:.2f}"
    if not text.bytes:  # only an objective that predicts the full text has bits per byte
        return f"{result} ({text.tokens:,} tokens predicted)"
    return (
        f"{result}, {text.bits_per_byte:.4f} bits per byte "
        f"({text.tokens:,} tokens, {text.bytes:,} bytes)"
    )
