"""The texts that a tokenizer is trained on, and those of its report.

    .partial/sample-00003.scratch     the pieces of task 3's documents that are trained on
    .partial/reported-00003.scratch   those that are reported on, with their sources

Choice: tasks in parallel read the documents and write the pieces that are drawn, so training reads
only the sample, as often as its algorithm needs it, and holds none of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import Document, JsonLinesFile, OutcomeFiles, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
from lmkit.readers.dispatch import read_slice
from lmkit.storage.byte_lines import lines
from lmkit.storage.byte_ranges import Range
from lmkit.storage.json_bytes import from_json
from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.training_sample import keyed_pieces

SAMPLE = "sample"
REPORTED = "reported"
MOST_BYTES = 1_000_000
"""Longer than any piece."""


@dataclass(frozen=True)
class DrawSample:
    """Draws the pieces of a task's documents whose keys are below the limits of their sources."""

    config: TrainTokenizerConfig
    training_limits: Mapping[str, int]
    report_limits: Mapping[str, int]

    def __call__(self, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
        """Write the pieces, and what couldn't be read."""
        documents, size = Counter[str](), 0
        with ExitStack() as stack:
            outcomes = stack.enter_context(OutcomeFiles(writer))
            sample, reported = (_file(stack, writer, kind) for kind in (SAMPLE, REPORTED))
            for document in self._documents(slices, writer):
                if isinstance(document, Unreadable):
                    outcomes.quarantine(document)
                    continue
                source, drawn = well_formed(document.source), 0
                for key, piece in keyed_pieces(self.config.seed, document.id, document.text):
                    if key < self.report_limits[source]:
                        reported.write({"source": source, "text": piece})
                    if key < self.training_limits[source]:
                        drawn += 1
                        size += len(piece.encode("utf-8", "replace"))
                        if self.config.from_ is None:  # else nothing is trained on it
                            sample.write({"text": piece})
                outcome = "used" if drawn else "not_drawn" if document.text else "empty"
                documents[outcome] += 1
            quarantined = outcomes.quarantined
        writer.counts = Counts(
            documents_in=documents.total() + quarantined,
            documents_out=documents.pop("used", 0),
            dropped=dict(sorted(documents.items())),
            quarantined=quarantined,
            more={"bytes_of_text": size},
        )

    def _documents(
        self, slices: tuple[Slice, ...], writer: TaskWriter
    ) -> Iterator[Document | Unreadable]:
        for part in slices:
            yield from read_slice(
                part, writer.read, source=self.config.source, max_record=self.config.max_record
            )


def _file(stack: ExitStack, writer: TaskWriter, kind: str) -> JsonLinesFile:
    """Open a scratch file of a task."""
    path = stack.enter_context(writer.scratch_file(scratch(kind, writer.number)))
    file = JsonLinesFile(path)
    stack.callback(file.close)  # before it gets its final name
    return file


@dataclass(frozen=True)
class SampledTexts:
    """The texts that tasks have drawn, read again in every iteration."""

    folder: Path
    """Where the scratch files are."""
    tasks: int

    def __iter__(self) -> Iterator[str]:
        """Yield the texts to train on, in the order of the documents."""
        return (record["text"] for record in self._records(SAMPLE))

    def reported(self) -> dict[str, list[str]]:
        """Return the texts to report on, by source."""
        texts: defaultdict[str, list[str]] = defaultdict(list)
        for record in self._records(REPORTED):
            texts[record["source"]].append(record["text"])
        return texts

    def _records(self, kind: str) -> Iterator[dict[str, Any]]:
        for number in range(self.tasks):
            path = self.folder / scratch(kind, number)
            with Range(path, 0, path.stat().st_size) as file:
                for line in lines(file, "zstd", MOST_BYTES):
                    assert line.data is not None, "it was written by a task"
                    yield from_json(line.data)
