"""What can be set for `lmkit export`."""

from typing import Annotated, Literal

from pydantic import Field

from lmkit.config import StageConfig

LARGEST_VOCABULARY = 1 << 16


class ExportConfig(StageConfig):
    """Write the model of a run or checkpoint for Transformers, or a packed folder for nanoGPT."""

    stage = "export"
    example = "lmkit export work/run --output hf/"
    output_patterns = (
        r"(train|val)\.bin",
        r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json",
        r"model\.safetensors|README\.md",
    )

    separator: Annotated[int, Field(ge=0, lt=LARGEST_VOCABULARY)] | Literal["eos"] | None = "eos"
    """Of a packed folder: id to put after each document; eos: the EOS token; none: nothing, which
    loses where documents end."""
