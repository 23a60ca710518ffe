"""What the manifest of a packed folder records in its `details`.

Choice: a record is parsed once, where a folder is opened. Keys that this version doesn't know are
left out, so that a folder of a later version of the same format is still read.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from lmkit.artifacts.manifest import Count, Details, Record
from lmkit.packing.options import LONGEST_SEQUENCE
from lmkit.tokenizers.encoder_choice import EncoderRecord

BEFORE_TOKENS = ("sequence_length", "packing")
"""Keys that a manifest lists first."""
TokenId = Annotated[int, Field(ge=0, lt=1 << 32)]


class SplitRecord(Record):
    """One split: its documents, and the sequences that they are in."""

    documents: Count
    cut: Count
    """Documents that were split and would have fit in one sequence."""
    bytes_of_text: Count
    tokens: Count
    """BOS and EOS included."""
    rows: Annotated[int, Field(ge=1, lt=1 << 63)]
    """Sequences."""
    padding: Count
    padding_share: Annotated[float, Field(ge=0, le=1)]


class TokensRecord(Details):
    """What is the same for other sequences over the same tokens."""

    model_config = ConfigDict(extra="ignore")

    vocabulary_size: Annotated[int, Field(ge=1, le=1 << 32)]
    tokenizer: str
    """SHA-256 of its tokenizer.json."""
    pad: TokenId
    bos: TokenId | None
    eos: TokenId | None
    """Ids added around each document; None where there was none."""
    limits: dict[str, Any] = {}  # noqa: RUF012 (a field's default, which pydantic copies)
    sources: dict[str, dict[str, Count]] = {}  # noqa: RUF012
    """Documents, tokens and bytes of each source."""
    encoder: EncoderRecord | None = None
    """What encoded the documents."""


class PackedRecord(TokensRecord):
    """Tokens, and the sequences that they are packed into."""

    sequence_length: Annotated[int, Field(ge=1, le=LONGEST_SEQUENCE)]
    packing: str
    train: SplitRecord
    validation: SplitRecord | None = None

    def split(self, name: str) -> SplitRecord | None:
        """Return the record of `train` or `validation`; None where it holds no document."""
        return self.train if name == "train" else self.validation

    def recorded(self) -> dict[str, Any]:
        """Return what stands in the manifest: what was set, also where that is None."""
        values = super().recorded()
        return {key: values[key] for key in BEFORE_TOKENS} | values
