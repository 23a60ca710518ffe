"""What the manifest of an exported folder records in its `details`."""

from pydantic import Field

from lmkit.artifacts.manifest import Details


class ExportedModel(Details):
    """A model for Transformers, and how it was checked."""

    checkpoint: str
    """The checkpoint of the run."""
    parameters: int
    architecture: str
    """Transformers' name of the class."""
    largest_difference: float
    """Largest difference of its logits in lmkit and in Transformers."""
    largest_logit: float


class ExportedTokens(Details):
    """Token files for nanoGPT."""

    separator: int | None
    """The id after each document; None where there is none."""
    tokenizer: str
    """SHA-256 of its tokenizer.json."""
    vocabulary_size: int
    train: int | None = Field(None, alias="train.bin")
    """Tokens in the file."""
    validation: int | None = Field(None, alias="val.bin")
