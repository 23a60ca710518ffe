"""What can be set for `lmkit clean`."""

from typing import Annotated, Literal

from pydantic import Field

from lmkit.artifacts.options import DOCUMENT_FILES, MEASURES_FILES, RANGE_BYTES
from lmkit.config import StageConfig
from lmkit.filters.options import Filters
from lmkit.pii.options import PrivateData
from lmkit.readers.options import Reading
from lmkit.storage.options import RawFormat
from lmkit.text.language_codes import Languages
from lmkit.text.options import Normalization


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

    sample: Annotated[int | None, Field(ge=1)] = None
    """Judge only so many documents, chosen by their hash, and write no documents: only measures,
    for inspect --rules, and the audit."""

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
