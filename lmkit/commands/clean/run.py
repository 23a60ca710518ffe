"""Clean: read files of many formats, write documents in one format, and drop what isn't text.

Choices:
- A document is judged after it is normalized, so that white space and punctuation don't count.
- Nothing is dropped silently: rejected documents are written to separate files with their reason,
  and what can't be read is listed with its path and offset.
- A sample is judged in the same way as all documents, and counted; its quality signals are written,
  its documents are not.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from lmkit.artifacts.documents_file import (
    Document,
    JsonLinesFile,
    Outcome,
    OutcomeFiles,
    Rejected,
    Unreadable,
    write_outcomes,
)
from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.inputs import Inputs, Slice, find_documents, folder_input, make_tasks
from lmkit.artifacts.manifest import Counts, Manifest, kept_line
from lmkit.artifacts.output_folder import open_output
from lmkit.artifacts.signals_file import SignalsFile
from lmkit.artifacts.tasks import Receipt, TaskWriter
from lmkit.commands.clean.options import CleanConfig
from lmkit.errors import InputError
from lmkit.execution.progress import log_message, warn
from lmkit.execution.tables import plain
from lmkit.filters.document_sample import Candidates, chosen
from lmkit.filters.judge import judge_for, judged
from lmkit.filters.other_languages import counting_other_languages, warning_text
from lmkit.filters.outcome_counts import OutcomeCounts, outcome_sections, total_counts
from lmkit.filters.quality_classifier import QualityClassifier
from lmkit.filters.rules import LanguageRule, list_files
from lmkit.pii.replacement import Replacer, counts_text
from lmkit.readers.dispatch import check_libraries, read_slice
from lmkit.storage.formats import WITH_FIELDS
from lmkit.storage.options import RawFormat
from lmkit.text.document_parts import segmented
from lmkit.text.normalization import normalize
from lmkit.text.word_list_files import word_lists_as_inputs

SAMPLE_EVERY = 100  # one of so many
PRIVATE_DATA = "private_data"
"""Why a document with PII is dropped."""
NOT_IN_SAMPLE = "not_in_sample"


def clean(config: CleanConfig) -> Manifest:
    """Clean all inputs into the output folder."""
    inputs = find_documents(
        config.inputs,
        config.inputs_from,
        formats=get_args(RawFormat),
        forced=config.format,
        source=config.source,
    ).merged_with(word_lists_as_inputs(list_files(config.filters)))
    check_libraries(inputs.slices)
    if config.filters.classifier:
        inputs = inputs.merged_with(_classifier(config.filters.classifier))
    if config.text_template is not None:
        _check_fields(inputs)
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        tasks = make_tasks(inputs.slices, config.shard_bytes)
        work = partial(_sample_task if config.sample else _clean_task, config)
        label = "sampling" if config.sample else "cleaning"
        receipts = folder.run("documents", work, tasks, workers=config.workers, label=label)
        counts = Counts.total(receipt.counts for receipt in receipts)
        if config.sample:
            judge = partial(_judge_sample, config)
            receipts = folder.run("verdicts", judge, [receipts], label="judging")
            counts = _with_unsampled(counts, receipts[0].counts)
        details = total_counts(receipt.facts["ledger"] for receipt in receipts)
        _print_summary(details)
        if warning := warning_text(config.filters, counts.more):
            warn(warning)
        return folder.finish(counts, details, max_quarantined=config.max_quarantined)


def _check_fields(inputs: Inputs) -> None:
    """Raise InputError for a file whose format has no fields that a template could name."""
    for part in inputs.slices:
        if part.format not in WITH_FIELDS:
            raise InputError(
                f"--text-template: {part.location} is read as {part.format}, which has no fields",
                f"formats with fields: {', '.join(sorted(WITH_FIELDS))}; clean others separately",
            )


def _classifier(path: Path) -> Inputs:
    """Return the classifier as an input, so that a change of it is detected."""
    QualityClassifier.load(path)  # what isn't one is refused before anything is written
    manifest = finished_manifest(path)
    if manifest is None or manifest.stage != "train-classifier":
        raise InputError(
            f"--filters.classifier: {path} was not made by lmkit train-classifier",
            "name a folder that it wrote",
        )
    check_finished(path, hashes=True)
    return folder_input(path, "classifier", manifest.fingerprint)


def _with_unsampled(read: Counts, sample: Counts) -> Counts:
    """Add the documents that aren't in the sample to the counts of the sample."""
    left_out = read.documents_in - read.quarantined - sample.documents_in
    dropped = {**sample.dropped, **({NOT_IN_SAMPLE: left_out} if left_out else {})}
    counts = {
        "documents_in": read.documents_in,
        "dropped": dropped,
        "quarantined": read.quarantined,
        "more": {**read.more, **sample.more},
    }
    return Counts.total([sample.model_copy(update=counts)])


def _print_summary(details: Mapping[str, Any]) -> None:
    """Print a short summary of what was dropped: an example per rule, and no single source."""
    sections = outcome_sections(details)
    first = {row["rule"]: row for row in reversed(sections.pop("dropped_examples"))}
    rules = [
        row | {"for_example": first[row["rule"]]["decided"], "id": first[row["rule"]]["id"]}
        for row in sections["by_rule"]
    ]
    named = {key: rows for key, rows in sections.items() if key != "by_rule" and len(rows) > 1}
    if rules:
        log_message(plain({"by_rule": rules, **named}))


def _clean_task(config: CleanConfig, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
    with _judging_documents(config, writer) as outcomes_of:
        counts: Counter[str] = Counter()
        documents = (found for part in slices for found in _read(config, part, writer, counts))
        outcomes = outcomes_of(documents)
        write_outcomes(writer, outcomes, partial(_keeps, config.keep_rejected))
    _count_more(writer, counts)


@contextmanager
def _judging_documents(
    config: CleanConfig, writer: TaskWriter
) -> Generator[Callable[[Iterable[Document | Unreadable]], Iterator[Outcome]]]:
    """Yield a function that judges documents; signals and counts go to a file and the receipt."""
    replacer = Replacer(config.pii) if config.pii.action else None
    counts: Counter[str] = Counter()
    outcome_counts = OutcomeCounts(with_texts=config.keep_rejected != "none")

    def outcomes_of(documents: Iterable[Document | Unreadable]) -> Iterator[Outcome]:
        judge = judge_for(config.filters, _language_rule(config))
        outcomes = judged(_prepared(config, documents, replacer, counts), judge, signals_file.write)
        outcomes = counting_other_languages(outcomes, config.filters, counts)
        return outcome_counts.counted(segmented(outcomes, config.sentences, config.max_characters))

    with SignalsFile(writer) as signals_file:
        yield outcomes_of
    writer.facts["ledger"] = outcome_counts.report()
    _count_more(writer, counts)
    if replacer:
        _count_more(writer, {f"private_{kind}": n for kind, n in replacer.counts.items()})


def _count_more(writer: TaskWriter, found: Mapping[str, int]) -> None:
    more = {**writer.counts.more, **found}
    writer.counts = writer.counts.model_copy(update={"more": more})


def _sample_task(config: CleanConfig, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
    """Keep the documents that may be in the sample, and list what can't be read."""
    assert config.sample
    with ExitStack() as stack:
        files = stack.enter_context(OutcomeFiles(writer))
        path = stack.enter_context(writer.scratch_file(f"sample-{writer.number:05d}.jsonl.zst"))
        file = JsonLinesFile(path)
        stack.callback(file.close)  # before it is renamed
        candidates = Candidates(config.sample, file)
        counts: Counter[str] = Counter()
        for part in slices:
            for document in _read(config, part, writer, counts):
                if isinstance(document, Unreadable):
                    files.quarantine(document)
                else:
                    candidates.add(document)
    writer.facts["keys"] = candidates.keys
    writer.counts = Counts(
        documents_in=candidates.count + files.quarantined,
        quarantined=files.quarantined,
        more=dict(counts),
    )


def _judge_sample(config: CleanConfig, receipts: Sequence[Receipt], writer: TaskWriter) -> None:
    """Judge the sample; only quality signals and counts are written."""
    assert config.sample
    paths = [writer.partial / file.name for receipt in receipts for file in receipt.scratch]
    keys = (key for receipt in receipts for key in receipt.facts["keys"])
    dropped: Counter[str] = Counter()
    kept = characters = 0
    with _judging_documents(config, writer) as outcomes_of:
        for outcome in outcomes_of(chosen(paths, keys, config.sample)):
            if isinstance(outcome, Rejected):
                dropped[outcome.reason] += 1
            elif isinstance(outcome, Document):
                kept, characters = kept + 1, characters + outcome.size
        writer.counts = Counts(
            documents_in=kept + dropped.total(),
            documents_out=kept,
            dropped=dict(dropped),
            more={"characters_out": characters},
        )


def _read(
    config: CleanConfig, part: Slice, writer: TaskWriter, counts: Counter[str]
) -> Iterator[Document | Unreadable]:
    return read_slice(
        part,
        writer.read,
        source=config.source,
        text_field=config.text_field,
        text_template=config.text_template,
        max_record=config.max_record,
        reading=config.read,
        counts=counts,
    )


def _prepared(
    config: CleanConfig,
    documents: Iterable[Document | Unreadable],
    replacer: Replacer | None,
    normalized: Counter[str],
) -> Iterator[Outcome]:
    """Normalize texts, and replace PII in them; count what normalization removes."""
    for document in documents:
        if isinstance(document, Unreadable):
            yield document
            continue
        text, found_pii = normalize(document.text, config.normalize, normalized), None
        if replacer:
            text, found_pii = replacer.replace(text)
        document = document.with_text(text)
        if found_pii and config.pii.action == "drop":
            yield Rejected(document, PRIVATE_DATA, f"{PRIVATE_DATA} {counts_text(found_pii)}")
            continue
        generated = document.metadata.get("generated") is True and not config.read.generated
        yield Rejected(document, "generated") if generated else document


def _keeps(policy: Literal["all", "sample", "none"], rejected: Rejected) -> bool:
    """Tell whether a rejected document is written; a sample depends on its id alone."""
    if policy == "sample":
        digest = sha256(rejected.document.id.encode("utf-8", "backslashreplace")).digest()
        return int.from_bytes(digest[:8], "big") % SAMPLE_EVERY == 0
    return policy == "all"


def result_text(config: "CleanConfig", manifest: Manifest) -> str:
    """Summarize what was kept, or for a sample, what would be kept."""
    if not config.sample:
        return kept_line(config, manifest)
    counts = manifest.counts
    dropped = {name: count for name, count in counts.dropped.items() if name != "not_in_sample"}
    judged = counts.documents_out + sum(dropped.values())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
    return (
        f"{config.output}: would keep {counts.documents_out:,} of {judged:,} documents, a sample "
        f"of {counts.documents_in:,}{f' (drop {reasons})' if reasons else ''}"
    )


def _language_rule(config: CleanConfig) -> LanguageRule | None:
    return LanguageRule(config.language, config.min_language_score) if config.language else None
