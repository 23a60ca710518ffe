"""The options of `lmkit pack`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lmkit.artifacts.options import QUARANTINE_FILES, ReadsRecords, WritesShards, WritesToStores
from lmkit.config import StageConfig
from lmkit.execution.executors.options import SharesTasks
from lmkit.packing.options import LONGEST_SEQUENCE, LimitsConfig


class PackConfig(ReadsRecords, WritesShards, SharesTasks, WritesToStores, StageConfig):
    """Tokenize documents and pack them into sequences."""

    stage = "pack"
    example = (
        "lmkit pack work/dedup --tokenizer work/tokenizer --output work/packed "
        "--sequence-length 1024"
    )
    reads_own_outputs = True
    output_patterns = (
        r"(train|validation)/(tokens|documents)-\d{5,}\.npy",
        r"(train|validation)/rows/(starts|pieces)\.npy",
        r"tokenizer/(tokenizer|tokenizer_config|special_tokens_map)\.json",
        QUARANTINE_FILES,
    )
    location_options = StageConfig.location_options | {"tokenizer"}

    tokenizer: Path | None = None
    """Folder of the tokenizer; a packed folder as the only input has its own."""

    sequence_length: Annotated[int, Field(ge=2, le=LONGEST_SEQUENCE)] = 1_024
    """Tokens in a sequence: the longest context that a model is trained on."""

    packing: Literal["chunk", "best-fit", "document"] = "chunk"
    """chunk: concatenate documents and split at every sequence's end. best-fit: split only
    documents longer than a sequence. document: each document in sequences of its own, padded."""

    validation: Annotated[str, BeforeValidator(str)] = "0.005"
    """Fraction of the documents to hold out, or a folder of documents for validation; 0 for
    none."""

    bos: bool = True
    """Put the BOS token before each document."""

    eos: bool = True
    """Put the EOS token after each document."""

    separator: Annotated[int, Field(ge=0, lt=1 << 16)] | Literal["eos"] | None = "eos"
    """Id between the documents of a nanoGPT .bin file: eos: the tokenizer's EOS token; none: such a
    file is one document."""

    limits: Annotated[LimitsConfig, Field(exclude=True)] = LimitsConfig()
