"""What can be set for `lmkit pack`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lmkit.artifacts.options import QUARANTINE_FILES, RANGE_BYTES
from lmkit.config import StageConfig
from lmkit.packing.options import LimitsConfig


class PackConfig(StageConfig):
    """Cut documents into tokens and lay them out in rows."""

    stage = "pack"
    owns = (
        r"(train|validation)/(tokens|documents)-\d{5,}\.npy",
        r"(train|validation)/rows/(starts|pieces)\.npy",
        r"tokenizer/(tokenizer|tokenizer_config|special_tokens_map)\.json",
        QUARANTINE_FILES,
    )
    places = StageConfig.places | {"tokenizer"}

    tokenizer: Path | None = None
    """Folder of the tokenizer; a packed folder as the only input has its own."""

    sequence_length: Annotated[int, Field(ge=2)] = 1_024
    """Tokens in a row: as far as a model will see."""

    packing: Literal["chunk", "best-fit", "document"] = "chunk"
    """chunk: one document behind the other, cut where a row ends. best-fit: cut only documents
    that are longer than a row. document: each document in rows of its own, padded."""

    validation: Annotated[str, BeforeValidator(str)] = "0.005"
    """Share of the documents to hold out, or a folder of documents for validation; 0 for none."""

    begin: bool = True
    """Put the begin token before each document."""

    end: bool = True
    """Put the end token behind each document."""

    separator: Annotated[int, Field(ge=0, lt=1 << 16)] | Literal["end"] | None = "end"
    """Id between the documents of a nanoGPT .bin file: end: the tokenizer's end token; none: such a
    file is one document."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are quarantined."""

    shard_bytes: Annotated[int, Field(ge=1)] = RANGE_BYTES
    """Input bytes per task and token shard."""

    limits: Annotated[LimitsConfig, Field(exclude=True)] = LimitsConfig()
