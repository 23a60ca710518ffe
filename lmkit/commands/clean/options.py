"""What can be set for `lmkit clean`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lmkit.artifacts.options import (
    DOCUMENT_FILES,
    SIGNALS_FILES,
    LabelsDocuments,
    ReadsRecords,
    WritesDocuments,
    WritesToStores,
)
from lmkit.config import REPEATED, OneOf, StageConfig
from lmkit.execution.executors.options import SharesTasks
from lmkit.filters.options import FiltersConfig
from lmkit.pii.options import PiiConfig
from lmkit.readers.options import ReaderConfig, checked_template
from lmkit.recipes.options import TakesRecipe
from lmkit.storage.registry import NAMES
from lmkit.text.language_codes import Languages
from lmkit.text.options import NormalizationConfig


def _is_empty(value: object) -> bool:
    return not value


class CleanConfig(
    LabelsDocuments,
    ReadsRecords,
    WritesDocuments,
    TakesRecipe,
    SharesTasks,
    WritesToStores,
    StageConfig,
):
    """Turn raw files of many kinds (see --format; also in .gz, .zst, .bz2, .xz) into documents."""

    stage = "clean"
    example = (
        "lmkit clean books/ pages.warc.gz --output work/clean --language en --filters.preset web"
    )
    output_patterns = (*DOCUMENT_FILES, SIGNALS_FILES)
    location_options = StageConfig.location_options | {"filters.classifier", "exclude"}
    takes_plugins = True

    format: Annotated[str, OneOf(NAMES)] | None = None
    """Read every file as this format, whatever its name and content."""

    exclude: Annotated[tuple[str, ...], REPEATED, Field(exclude_if=_is_empty)] = ()
    """Skip the files whose name, or path below a folder, matches such a pattern, as *.pdf or
    drafts/*; may be given many times."""

    text_field: str = "text"
    """Field or column with the text of a record; a dot leads into a nested field."""

    text_template: Annotated[str | None, AfterValidator(checked_template)] = None
    """Text made of several fields, as in "{title?}\\n\\n{body}": one with ? may be missing; braces
    are written twice."""

    max_quarantined: Annotated[float | None, Field(ge=0, le=1, exclude=True)] = None
    """Fail where more than this fraction of all documents had to be quarantined."""

    keep_rejected: Literal["all", "sample", "none"] = "all"
    """Write the rejected documents too, each with its reason."""

    sample: Annotated[int | None, Field(ge=1)] = None
    """Judge only this many documents, chosen by their hash, and write no documents: only quality
    signals, for inspect --rules, and the summary."""

    sentences: Literal["offsets", "lines"] | None = None
    """Split into sentences: offsets in metadata.sentences, or one sentence per line in the text."""

    max_characters: Annotated[int | None, Field(ge=1)] = None
    """Split longer documents at the end of a paragraph, else of a sentence; metadata.part links the
    parts, each of which counts as a document."""

    read: ReaderConfig = ReaderConfig()

    normalize: NormalizationConfig = NormalizationConfig()

    language: Languages | None = None
    """Label documents with their language, and keep those in these languages: codes, such as en,de;
    or all."""

    min_language_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """With --language: lowest probability that a text is in one of them."""

    pii: PiiConfig = PiiConfig()

    filters: FiltersConfig = FiltersConfig()

    @model_validator(mode="after")
    def _one_source_of_text(self) -> Self:
        if self.text_template is not None and self.text_field != "text":
            raise ValueError(
                f"--text-template: cannot be used with --text-field {self.text_field}: put the "
                "field into the template"
            )
        return self
