"""Clean: read what people have, write it in one form, and drop what isn't text.

Choices:
- A document is judged after it is normalized, so that spaces and marks do not count.
- Nothing is lost in silence: what is dropped is kept beside the rest with its reason, and what
  can't be read is listed with its place.
"""

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Annotated, Literal, get_args

from pydantic import Field

from lmkit.artifacts.documents import (
    DOCUMENT_FILES,
    MEASURES_FILES,
    Outcome,
    Rejected,
    Unreadable,
    write_outcomes,
)
from lmkit.artifacts.folder import making
from lmkit.artifacts.formats import RawFormat
from lmkit.artifacts.inputs import RANGE_BYTES, Slice, cut, find_documents
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import StageConfig
from lmkit.readers.documents import read_slice
from lmkit.readers.request import Reading
from lmkit.text.filters import Filters, LanguageRule
from lmkit.text.language_codes import Languages
from lmkit.text.list_files import lists_as_inputs
from lmkit.text.normalization import Normalization, normalize
from lmkit.text.private import PrivateData, Replacer, told

SAMPLED = 100  # one in so many
PRIVATE = "private_data"
"""Why a document is dropped that holds some."""


class CleanConfig(StageConfig):
    """Turn raw files of many kinds (see --format; also in .gz, .zst, .bz2, .xz) into documents."""

    stage = "clean"
    owns = (*DOCUMENT_FILES, MEASURES_FILES)

    format: RawFormat | None = None
    """Read every file as this, whatever its name and content."""

    text_field: str = "text"
    """Field or column that holds the text of a record; a dot leads into a field."""

    source: str | None = None
    """Label for all documents; without it, a record's own, else the last name of the input."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record or text file to read, in bytes; longer ones are quarantined."""

    max_bad: Annotated[float | None, Field(ge=0, le=1, exclude=True)] = None
    """Fail where more than this share of all documents had to be quarantined."""

    keep_rejected: Literal["all", "sample", "none"] = "all"
    """Write the documents that are dropped, with the reason, beside the others."""

    shard_bytes: Annotated[int, Field(ge=1)] = RANGE_BYTES
    """Input bytes per task and output file; small files share one."""

    sentences: Literal["offsets", "lines"] | None = None
    """Mark sentences: offsets in metadata.sentences, or one sentence a line in the text."""

    max_characters: Annotated[int | None, Field(ge=1)] = None
    """Cut longer documents where a paragraph ends, else a sentence; metadata.part links the parts,
    each of which counts as a document."""

    read: Reading = Reading()

    normalize: Normalization = Normalization()

    language: Languages | None = None
    """Label documents with their language, and keep those in these: codes, as en,de; or all."""

    min_language_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """With --language: how probable it must be that a text is in one of them."""

    private: PrivateData = PrivateData()

    filters: Filters = Filters()

    @property
    def language_rule(self) -> LanguageRule | None:
        """What --language asks for."""
        return LanguageRule(self.language, self.min_language_score) if self.language else None


def clean(config: CleanConfig) -> Manifest:
    """Clean all inputs into the output folder."""
    inputs = find_documents(
        config.inputs,
        config.inputs_from,
        formats=get_args(RawFormat),
        forced=config.format,
        source=config.source,
    ).beside(lists_as_inputs(config.filters.list_files))
    with making(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        tasks = cut(inputs.slices, config.shard_bytes)
        receipts = folder.run(
            "documents",
            partial(_clean_task, config),
            tasks,
            workers=config.workers,
            label="cleaning",
        )
        counts = Counts.total(receipt.counts for receipt in receipts)
        return folder.finish(counts, max_bad=config.max_bad)


def _clean_task(config: CleanConfig, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
    from lmkit.artifacts.measures import MeasuresFile  # numpy and Arrow, which no --help needs
    from lmkit.text.judging import judge_for, judged
    from lmkit.text.segmenting import segmented

    replacer = Replacer(config.private) if config.private.action else None
    documents = (found for part in slices for found in _read_clean(config, part, writer, replacer))
    with MeasuresFile(writer) as measures:
        judge = judge_for(config.filters, config.language_rule)
        outcomes = judged(documents, judge, measures.write)
        outcomes = segmented(outcomes, config.sentences, config.max_characters)
        write_outcomes(writer, outcomes, partial(_keeps, config.keep_rejected))
    if replacer:
        found = {f"private_{kind}": count for kind, count in replacer.counts.items()}
        more = {**writer.counts.more, **found}
        writer.counts = writer.counts.model_copy(update={"more": more})


def _read_clean(
    config: CleanConfig, part: Slice, writer: TaskWriter, replacer: Replacer | None
) -> Iterator[Outcome]:
    for document in read_slice(
        part,
        writer.read,
        source=config.source,
        text_field=config.text_field,
        max_record=config.max_record,
        reading=config.read,
    ):
        if isinstance(document, Unreadable):
            yield document
            continue
        text, private = normalize(document.text, config.normalize), None
        if replacer:
            text, private = replacer.replace(text)
        document = document.with_text(text)
        if private and config.private.action == "drop":
            yield Rejected(document, PRIVATE, f"{PRIVATE} {told(private)}")
            continue
        generated = document.metadata.get("generated") is True and not config.read.generated
        yield Rejected(document, "generated") if generated else document


def _keeps(which: Literal["all", "sample", "none"], rejected: Rejected) -> bool:
    """Tell whether a rejected document is written; a sample depends on its id alone."""
    if which == "sample":
        digest = sha256(rejected.document.id.encode("utf-8", "backslashreplace")).digest()
        return int.from_bytes(digest[:8], "big") % SAMPLED == 0
    return which == "all"
