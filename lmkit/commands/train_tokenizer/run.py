"""Train-tokenizer: train a tokenizer on the documents' text, or import one.

    work/tokenizer/tokenizer.json, ...   what `tokenizers` and Transformers load
    work/tokenizer/report.json           its statistics, by source

Choices:
- It is trained on a sample, taken evenly from all sources (`tokenizers/training_sample.py`). Tasks
  in parallel measure the sizes, and then write what is drawn of theirs; one process trains on that,
  and the library uses threads.
- The special tokens of all objectives are included from the start, so that no later step has to
  resize anything.
- Every tokenizer is tested on a part of the sample before it is finished: for a lossless algorithm,
  a text that fails the round trip is an error.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import (
    RECORDS,
    Inputs,
    Slice,
    find_documents,
    folder_input,
    make_tasks,
    task_size,
)
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.output_folder import open_output
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
from lmkit.commands.train_tokenizer.sampled_texts import DrawSample, SampledTexts
from lmkit.errors import ConfigError, InputError, LmkitError
from lmkit.execution.amounts import size
from lmkit.execution.progress import warn
from lmkit.execution.tables import shown
from lmkit.readers.dispatch import read_slice
from lmkit.storage.remote_files import file_at
from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.build import train
from lmkit.tokenizers.import_tokenizer import import_tokenizer, missing_special_tokens_of
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.report import (
    ALL_SOURCES,
    ReportRow,
    TokenizerRecord,
    merge_small_sources,
    rows,
    statistics_by_source,
)
from lmkit.tokenizers.tokenizer import Tokenizer, contents
from lmkit.tokenizers.training_sample import Sizes, class_of, keyed_pieces, limits, total


def result_text(config: TrainTokenizerConfig, manifest: Manifest) -> str:
    """Return a line, or a table, with the size and the statistics of the tokenizer."""
    record = TokenizerRecord.from_manifest(manifest, config.output)
    documents = manifest.counts.documents_out
    folder = file_at(config.output).shown
    made = f"{folder}: {record.algorithm} tokenizer of {record.vocabulary_size:,} tokens"
    if config.from_:
        made += f", imported from {config.from_}"
    elif documents:
        made += f" from {documents:,} documents"
    if len(record.report) > 1:
        return f"{made}\n{shown({'report': [row.recorded() for row in record.report]})}"
    return made + "".join(f", {row.bytes_per_token:.2f} bytes per token" for row in record.report)


REPORT = "report.json"
REPORT_SAMPLE_BYTES = 5_000_000


def train_tokenizer(config: TrainTokenizerConfig) -> Manifest:
    """Train a tokenizer on all inputs, or import one, and write it to the output folder."""
    documents = _documents(config)
    inputs = _with_tokenizers(documents, config)
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        tasks = make_tasks(documents.slices)
        measured = folder.run(
            "sizes",
            partial(_record_sizes, config),
            tasks,
            workers=config.workers,
            label="measuring text",
            size=task_size,
        )
        draw = DrawSample(config, *_limits(config, [receipt.facts for receipt in measured]))
        workers, label = config.workers, "drawing the sample"
        drawn = folder.run("train", draw, tasks, workers=workers, label=label, size=task_size)
        write = partial(_write_tokenizer, config)
        sample = SampledTexts(folder.scratch, len(tasks))
        counts = Counts.total(receipt.counts for receipt in drawn)
        label = "importing the tokenizer"
        if config.from_ is None:
            label = f"training on {size(counts.more['bytes_of_text'])} of text"
        (receipt,) = folder.run("tokenizer", write, [sample], label=label)
        record = TokenizerRecord.model_validate(receipt.facts)
        _warn_of_problems(config, record)
        return folder.finish(counts, record.recorded())


def _documents(config: TrainTokenizerConfig) -> Inputs:
    """Find the training documents, and refuse options that can't work."""
    if config.from_ is None:
        if config.add_missing:
            raise ConfigError(
                "--add-missing: got yes, but no tokenizer is imported: --from is missing"
            )
        _recipe(config)  # which raises if the options are incompatible
    elif conflicting := [name for name in _TRAINING_OPTIONS if not _is_default(config, name)]:
        raise ConfigError(
            f"--{conflicting[0].replace('_', '-')}: not allowed with --from, "
            "which imports a tokenizer",
            "omit one of them",
        )
    elif not config.inputs and not config.inputs_from:
        return Inputs((), (), (), {})
    documents = find_documents(
        config.inputs, config.inputs_from, formats=RECORDS, source=config.source
    )
    hint = "check what the previous stage dropped, and why"
    for part in documents.slices:
        for document in read_slice(part, [], max_record=config.max_record):
            if isinstance(document, Unreadable):
                hint = f"a document can't be read: {document.origin}: {document.reason}"
            elif document.text.strip():
                return documents
    raise InputError("INPUTS: hold no text", hint)


_TRAINING_OPTIONS = ("algorithm", "vocab_size", "pre_tokenizer", "digits", "normalize")


def _is_default(config: TrainTokenizerConfig, name: str) -> bool:
    return getattr(config, name) == TrainTokenizerConfig.model_fields[name].default


def _with_tokenizers(documents: Inputs, config: TrainTokenizerConfig) -> Inputs:
    """Add the tokenizers that are read, so that a change of them is detected."""
    inputs = documents
    for label, path in (("from", config.from_), ("compare", config.compare)):
        if path is None:
            continue
        if not path.exists():
            raise InputError(f"--{label}: {path}: no such file or folder")
        inputs = inputs.merged_with(folder_input(path, label, Tokenizer.load(path).fingerprint))
    if config.from_:
        _imported(config)
    return inputs


def _imported(config: TrainTokenizerConfig) -> dict[str, bytes]:
    assert config.from_ is not None
    return import_tokenizer(
        config.from_, add_missing=config.add_missing, sentinels=config.sentinels
    )


def _record_sizes(
    config: TrainTokenizerConfig, slices: tuple[Slice, ...], writer: TaskWriter
) -> None:
    """Measure the text by source and by the hashes of its pieces."""
    sizes: Sizes = defaultdict(Counter)
    for part in slices:
        for document in read_slice(
            part, writer.read, source=config.source, max_record=config.max_record
        ):
            if isinstance(document, Document):
                source_sizes = sizes[well_formed(document.source)]
                for key, piece in keyed_pieces(config.seed, document.id, document.text):
                    source_sizes[class_of(key)] += len(piece.encode("utf-8", "replace"))
    writer.facts = {"sizes": sizes}


def _limits(
    config: TrainTokenizerConfig, facts: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the limits of the keys to train on, and of those to report on."""
    sizes = total(fact["sizes"] for fact in facts)
    training_limits = limits(sizes, config.sample_bytes)
    if sizes and not any(training_limits.values()):
        raise ConfigError(
            f"--sample-bytes: got {config.sample_bytes:,}, which leaves less than a piece of text "
            f"for each of {len(sizes):,} sources",
            "give more, or one --source for all documents",
        )
    return training_limits, limits(sizes, min(REPORT_SAMPLE_BYTES, config.sample_bytes))


def _write_tokenizer(
    config: TrainTokenizerConfig, sample: SampledTexts, writer: TaskWriter
) -> None:
    """Write the tokenizer and its report."""
    for name, data in (_imported(config) if config.from_ else _trained(config, sample)).items():
        with writer.file(name) as path:
            path.write_bytes(data)
    tokenizer = Tokenizer.load(writer.folder)
    report = _report(config, tokenizer, sample.reported())
    with writer.file(REPORT) as path:
        path.write_text(
            json.dumps([row.recorded() for row in report], indent=2, ensure_ascii=False) + "\n",
            "utf-8",
        )
    record = TokenizerRecord(
        algorithm=tokenizer.algorithm if config.from_ else config.algorithm,
        vocabulary_size=tokenizer.size,
        lacks=tuple(missing_special_tokens_of(tokenizer)),
        report=tuple(row for row in report if row.source == ALL_SOURCES),
    )
    writer.facts = record.recorded()


def _trained(config: TrainTokenizerConfig, sample: SampledTexts) -> dict[str, bytes]:
    tokenizer = train(sample, _recipe(config))
    return {name: text.encode() for name, text in contents(tokenizer).items()}


def _report(
    config: TrainTokenizerConfig, tokenizer: Tokenizer, texts: Mapping[str, list[str]]
) -> list[ReportRow]:
    """Return the statistics of this tokenizer, and of the one to compare with, on texts."""
    if not texts:
        return []
    texts = merge_small_sources(texts)
    statistics, not_restored = statistics_by_source(tokenizer, texts)
    if not_restored is not None and not config.from_ and _recipe(config).is_lossless:
        raise LmkitError(
            f"a text is not restored from its tokens: {not_restored[:100]!r}: this is a bug in "
            "lmkit, and the output is not to be trusted"
        )
    table = rows("this", tokenizer, statistics)
    if config.compare:
        other = Tokenizer.load(config.compare)
        table += rows(config.compare.name, other, statistics_by_source(other, texts)[0])
    return table


def _warn_of_problems(config: TrainTokenizerConfig, record: TokenizerRecord) -> None:
    """Print warnings about the tokenizer."""
    size = record.vocabulary_size
    if not config.from_ and size < config.vocab_size:
        warn(f"the text yields {size:,} tokens, fewer than --vocab-size {config.vocab_size:,}")
    for problem in record.lacks if config.from_ else ():
        warn(f"{config.from_}: {problem}; --add-missing adds the missing tokens")
    for row in record.report[:1]:
        if row.unknown_share:
            warn(f"{row.unknown_share:.2%} of the tokens are unknown words")
        if row.come_back < 1 and not row.unknown_share:
            warn(f"{1 - row.come_back:.2%} of the texts fail the round trip")


def _recipe(config: TrainTokenizerConfig) -> Recipe:
    """Return the recipe of the tokenizer; raises ConfigError if it can't work."""
    return Recipe(
        algorithm=config.algorithm,
        vocabulary_size=config.vocab_size,
        sentinels=config.sentinels,
        pre_tokenizer=config.pre_tokenizer,
        digits=config.digits,
        form=config.normalize,
    )
