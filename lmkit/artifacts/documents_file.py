"""Documents on disk: one JSON object per line, compressed with zstd, or a Parquet file.

    documents-00000.jsonl.zst    {"id", "text", "source", "metadata"}
    documents-00000.parquet      the same (`documents_parquet.py`)
    rejected-00000.jsonl.zst     the same, with "reason", and "decided" if a number decided
    quarantine-00000.jsonl.zst   what couldn't be read: source, origin, offset, record, reason

Choices:
- JSON lines are the format that Dolma and datatrove read and write, and the only one of what else
  is written: rejected documents and the quarantine are for people, and have other fields.
- zstd's own default level: higher ones cost more time than they save space.
- A task yields an outcome for every document it reads. Writing and counting are done here, so the
  number of documents in always equals the number out plus those dropped or quarantined.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import zstandard

from lmkit.artifacts.document import CURE, Document, Outcome, Rejected, Unreadable
from lmkit.artifacts.documents_parquet import ParquetDocuments, read_records
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.options import DocumentFormat
from lmkit.artifacts.tasks import Problem, TaskWriter
from lmkit.errors import LmkitError
from lmkit.storage.byte_lines import lines
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.json_bytes import from_json, object_of, to_json

ZSTD_LEVEL = 3
NAMED_PROBLEMS = 10


class JsonLinesFile:
    """A .jsonl.zst file being written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        compressor = zstandard.ZstdCompressor(ZSTD_LEVEL, write_checksum=True)
        self._stream = compressor.stream_writer(self._file)
        self.count = 0

    def write(self, record: dict[str, Any]) -> None:
        """Add a line."""
        self._stream.write(to_json(record))
        self.count += 1

    def close(self) -> None:
        """Write what is buffered."""
        self._stream.close()  # closes the file too


class RecordsFile:
    """A .jsonl.zst file of a task, created when the first record is written to it."""

    def __init__(self, writer: TaskWriter, kind: str) -> None:
        self._writer = writer
        self._name = f"{kind}-{writer.number:05d}.jsonl.zst"
        self._stack = ExitStack()
        self._file: JsonLinesFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)
        if raised[0] is None and self._file:
            self._writer.count_in(self._name, {"records": self._file.count})

    def write(self, record: dict[str, Any]) -> None:
        """Add a line."""
        if self._file is None:
            self._file = JsonLinesFile(self._stack.enter_context(self._writer.file(self._name)))
            self._stack.callback(self._file.close)  # before it gets its final name
        self._file.write(record)


DOCUMENT_FILES: dict[DocumentFormat, type[JsonLinesFile | ParquetDocuments]] = {
    "jsonl.zst": JsonLinesFile,
    "parquet": ParquetDocuments,
}


class OutcomeFiles:
    """The files of a task, each created when something is written to it."""

    def __init__(self, writer: TaskWriter, documents: DocumentFormat = "jsonl.zst") -> None:
        self._writer = writer
        self._documents: DocumentFormat = documents
        self._stack = ExitStack()
        self._files: dict[str, JsonLinesFile | ParquetDocuments] = {}
        self.quarantined = 0

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)
        if raised[0] is None:
            for name, file in self._files.items():
                self._writer.count_in(self._name(name), {"documents": file.count})

    def to(self, kind: str) -> JsonLinesFile | ParquetDocuments:
        """Return the file of a kind."""
        if kind not in self._files:
            path = self._stack.enter_context(self._writer.file(self._name(kind)))
            self._files[kind] = DOCUMENT_FILES[self._format(kind)](path)
            self._stack.callback(self._files[kind].close)  # before it gets its final name
        return self._files[kind]

    def quarantine(self, unreadable: Unreadable) -> None:
        """Record what couldn't be read; the first few files are named on the console."""
        self.to("quarantine").write(vars(unreadable))
        self.quarantined += 1
        where = f"{unreadable.source}: {unreadable.origin}"
        if unreadable.origin == unreadable.source:
            where = unreadable.source
        problems = self._writer.problems
        if where in problems:
            known = problems[where]
            problems[where] = known.model_copy(update={"count": known.count + 1})
        elif len(problems) < NAMED_PROBLEMS:
            reason, *cure = unreadable.reason.rsplit(CURE, 1)
            first = CURE.join([f"{reason}, at byte {unreadable.offset:,}", *cure])
            problems[where] = Problem(where=where, first=first, count=1)

    def _format(self, kind: str) -> DocumentFormat:
        return self._documents if kind == "documents" else "jsonl.zst"

    def _name(self, kind: str) -> str:
        step = "" if self._writer.step in {"documents", "train", "tokenizer"} else "validation-"
        return f"{kind}-{step}{self._writer.number:05d}.{self._format(kind)}"


def write_outcomes(
    writer: TaskWriter,
    outcomes: Iterable[Outcome],
    keep_rejected: Callable[[Rejected], bool],
    output_format: DocumentFormat = "jsonl.zst",
) -> None:
    """Write and count the outcomes of the documents of a task."""
    dropped: Counter[str] = Counter()
    characters = 0
    with OutcomeFiles(writer, output_format) as files:
        kept = files.to("documents")
        for outcome in outcomes:
            if isinstance(outcome, Document):
                kept.write(outcome.record())
                characters += len(outcome.text)
            elif isinstance(outcome, Rejected):
                dropped[outcome.reason] += 1
                if keep_rejected(outcome):
                    record = {**outcome.document.record(), "reason": outcome.reason}
                    record |= {"decided": outcome.decided} if outcome.decided else {}
                    files.to("rejected").write(record)
            else:
                files.quarantine(outcome)
    writer.counts = Counts(
        documents_in=kept.count + dropped.total() + files.quarantined,
        documents_out=kept.count,
        dropped=dict(dropped),
        quarantined=files.quarantined,
        more={"characters_out": characters},
    )


def read_shard(source: Range, path: Path) -> Iterator[Document]:
    """Stream the documents of a file that lmkit wrote.

    Raises LmkitError if the file has been damaged since.
    """
    try:
        if path.suffix == ".parquet":
            for record in read_records(source):
                yield _document(record)
            return
        for line in lines(source, "zstd", limit=1 << 40):
            assert line.data is not None
            yield _document(object_of(from_json(line.data)))
    except (CorruptInput, ValueError, TypeError) as error:
        reason = error.reason if isinstance(error, CorruptInput) else error
        raise LmkitError(
            f"{path}: damaged since lmkit wrote it ({reason})", "make that folder again"
        ) from None


def _document(record: dict[str, Any]) -> Document:
    """Return the document of a record; TypeError for one that lmkit didn't write."""
    texts = [record.get(name) for name in ("id", "text", "source")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a field is of another type")
    if not isinstance(record.get("metadata", {}), dict):
        raise TypeError("metadata is of another type")
    return Document(**record)
