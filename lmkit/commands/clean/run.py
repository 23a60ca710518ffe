"""Clean: read files of many formats, write documents in one format, and drop what isn't text.

Choices:
- What happens to a document is a list of steps, in `steps.py`.
- Nothing is dropped silently: rejected documents are written to separate files with their reason,
  and what can't be read is listed with its path and offset.
- A sample is judged in the same way as all documents, and counted; its quality signals are written,
  its documents are not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Literal

from lmkit.artifacts.document import Document, Rejected, Unreadable
from lmkit.artifacts.documents_file import JsonLinesFile, OutcomeFiles, write_outcomes
from lmkit.artifacts.inputs import Slice, make_tasks, task_size
from lmkit.artifacts.manifest import Counts, Manifest, kept_line
from lmkit.artifacts.output_folder import open_output
from lmkit.artifacts.tasks import Receipt, TaskWriter
from lmkit.commands.clean.clean_inputs import find_inputs
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.clean.steps import Steps, count_more
from lmkit.execution.progress import warn
from lmkit.execution.tables import log_sections
from lmkit.filters.document_sample import Candidates, chosen
from lmkit.filters.other_languages import warning_text
from lmkit.filters.outcome_counts import CleanRecord, outcome_sections, total_counts
from lmkit.readers.dispatch import read_slice
from lmkit.storage.remote_files import shown

SAMPLE_EVERY = 100  # one of so many
NOT_IN_SAMPLE = "not_in_sample"
BY_FORMAT = "by_format"
"""The fact of a receipt: how many documents were read of each format."""


def clean(config: CleanConfig) -> Manifest:
    """Clean all inputs into the output folder."""
    inputs = find_inputs(config)
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        tasks = make_tasks(inputs.slices, config.shard_bytes)
        work = SampleTask(config) if config.sample else CleanTask(config)
        label = "sampling" if config.sample else "cleaning"
        workers = config.workers
        receipts = folder.run(
            "documents", work, tasks, workers=workers, label=label, size=task_size
        )
        counts = Counts.total(receipt.counts for receipt in receipts)
        read_by_format = _documents_by_format(receipts)
        if config.sample:
            receipts = folder.run(
                "verdicts", JudgeSample(config), [receipts], label="judging the sample"
            )
            counts = _with_unsampled(counts, receipts[0].counts)
        record = total_counts(receipt.facts["ledger"] for receipt in receipts)
        record = record.with_inputs(inputs.formats(), read_by_format, inputs.skipped)
        _print_summary(record)
        if warning := warning_text(config.filters, counts.more):
            warn(warning)
        return folder.finish(counts, record.recorded(), max_quarantined=config.max_quarantined)


def _documents_by_format(receipts: Sequence[Receipt]) -> Counter[str]:
    found: Counter[str] = Counter()
    for receipt in receipts:
        found.update(receipt.facts.get(BY_FORMAT, {}))  # an earlier version's has none
    return found


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


def _print_summary(record: CleanRecord) -> None:
    """Print a short summary of what was dropped: an example per rule, and no single source."""
    sections = outcome_sections(record)
    first = {row["rule"]: row for row in reversed(sections.pop("dropped_examples"))}
    rules = [
        row | {"for_example": first[row["rule"]]["decided"], "id": first[row["rule"]]["id"]}
        for row in sections["by_rule"]
    ]
    formats = sections.pop("by_format")
    sections.pop("skipped_files")  # reported when they were found
    named = {key: rows for key, rows in sections.items() if key != "by_rule" and len(rows) > 1}
    by_format = {"by_format": formats} if len(formats) > 1 else {}
    if rules or by_format:
        log_sections({"by_rule": rules, **(named if rules else {}), **by_format})


@dataclass(frozen=True)
class CleanTask:
    """Read slices, clean their documents, and write what is kept."""

    config: CleanConfig

    def __call__(self, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
        """Run the task."""
        counts: Counter[str] = Counter()
        with Steps(self.config, writer) as steps:
            outcomes = steps.outcomes(_read(self.config, slices, writer, counts))
            keeps = partial(_keeps, self.config.keep_rejected)
            write_outcomes(writer, outcomes, keeps, self.config.output_format)
        count_more(writer, counts)


@dataclass(frozen=True)
class SampleTask:
    """Read slices, keep the documents that may be in the sample, and list what can't be read."""

    config: CleanConfig

    def __call__(self, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
        """Run the task."""
        assert self.config.sample
        counts: Counter[str] = Counter()
        with ExitStack() as stack:
            files = stack.enter_context(OutcomeFiles(writer))
            path = stack.enter_context(writer.scratch_file(f"sample-{writer.number:05d}.jsonl.zst"))
            file = JsonLinesFile(path)
            stack.callback(file.close)  # before it is renamed
            candidates = Candidates(self.config.sample, file)
            for document in _read(self.config, slices, writer, counts):
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


@dataclass(frozen=True)
class JudgeSample:
    """Judge the sample; only quality signals and counts are written."""

    config: CleanConfig

    def __call__(self, receipts: Sequence[Receipt], writer: TaskWriter) -> None:
        """Run the task."""
        assert self.config.sample
        paths = [writer.partial / file.name for receipt in receipts for file in receipt.scratch]
        keys = (key for receipt in receipts for key in receipt.facts["keys"])
        dropped: Counter[str] = Counter()
        kept = characters = 0
        with Steps(self.config, writer) as steps:
            for outcome in steps.outcomes(chosen(paths, keys, self.config.sample)):
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
    config: CleanConfig, slices: tuple[Slice, ...], writer: TaskWriter, counts: Counter[str]
) -> Iterator[Document | Unreadable]:
    by_format: Counter[str] = Counter()
    for part in slices:
        for outcome in read_slice(
            part,
            writer.read,
            source=config.source,
            text_field=config.text_field,
            text_template=config.text_template,
            max_record=config.max_record,
            reading=config.read,
            counts=counts,
        ):
            by_format[part.format] += isinstance(outcome, Document)
            yield outcome
    writer.facts[BY_FORMAT] = dict(by_format)


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
        f"{shown(config.output)}: would keep {counts.documents_out:,} of {judged:,} documents, "
        f"a sample of {counts.documents_in:,}{f' (drop {reasons})' if reasons else ''}"
    )
