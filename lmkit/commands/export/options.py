"""What can be set for `lmkit export`."""

from typing import Annotated, Literal

from pydantic import Field

from lmkit.config import StageConfig

LARGEST_VOCABULARY = 1 << 16


class ExportConfig(StageConfig):
    """Write the model of a run or checkpoint for Transformers; a packed folder for nanoGPT."""

    stage = "export"
    owns = (
        r"(train|val)\.bin",
        r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json",
        r"model\.safetensors|README\.md",
    )

    separator: Annotated[int, Field(ge=0, lt=LARGEST_VOCABULARY)] | Literal["end"] | None = "end"
    """Of a packed folder: id to put behind each document; end: the end token; none: nothing, which
    loses where documents end."""
