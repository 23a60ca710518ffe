"""What a plan knows about the data: the number of its tokens, and their bytes."""

from dataclasses import dataclass
from pathlib import Path

from lmkit.artifacts.manifest import MANIFEST
from lmkit.errors import InputError
from lmkit.packing.packed_folder import PackedFolder
from lmkit.training.data.packed_inputs import PackedInputs
from lmkit.training.planning.scaling_law import REPETITIONS, effective_tokens

REPETITIONS_FACTOR = 1.5
"""How far the value of repeated data may be from the published one, one standard deviation."""


@dataclass(frozen=True)
class PlannedData:
    """The packed folders of a run."""

    packed: PackedInputs

    @classmethod
    def at(
        cls, paths: tuple[Path, ...], weights: tuple[float, ...] | None, output: Path
    ) -> "PlannedData":
        """Open the folders; an InputError names what can't be read."""
        packed = PackedInputs.at(paths, weights, output)
        packed.check(hashes=False)
        for folder in packed.folders:
            _refuse_impossible(folder)
        return cls(packed)

    @property
    def vocabulary_size(self) -> int:
        """Tokens of the tokenizer."""
        return self.packed.record.vocabulary_size

    @property
    def sequence_length(self) -> int:
        """Tokens in a sequence."""
        return self.packed.sequence_length

    @property
    def tokens(self) -> int:
        """Tokens to train on, in one epoch."""
        return sum(folder.record.train.tokens for folder in self.packed.folders)

    @property
    def sequences(self) -> int:
        """Sequences to train on."""
        return sum(folder.record.train.rows for folder in self.packed.folders)

    @property
    def held_out_sequences(self) -> int:
        """Sequences to validate on."""
        splits = [folder.record.validation for folder in self.packed.folders]
        return sum(split.rows for split in splits if split)

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text per token: of the held-out text, where there is some."""
        records = [each.record.validation or each.record.train for each in self._held_out]
        records = records or [each.record.train for each in self.packed.folders]
        return sum(each.bytes_of_text for each in records) / sum(each.tokens for each in records)

    @property
    def _held_out(self) -> list[PackedFolder]:
        return [folder for folder in self.packed.folders if folder.record.validation]

    @property
    def density(self) -> float:
        """Tokens per position of a sequence: the rest is padding."""
        return self.tokens / (self.sequences * self.sequence_length)

    def epochs(self, positions: float) -> float:
        """Return how often so many positions of batches read the data."""
        return positions / (self.sequences * self.sequence_length)

    def effective(self, positions: float, factor: float = 1.0) -> float:
        """Return the tokens that so many positions of batches are worth, repeated ones less.

        Args:
            positions: of all batches, with padding.
            factor: of the published value of repetitions.

        """
        return self.effective_of_tokens(positions * self.density, factor)

    def effective_of_tokens(self, tokens: float, factor: float = 1.0) -> float:
        """Return what so many tokens are worth, without padding."""
        return sum(
            effective_tokens(
                tokens * reads.share_of_tokens,
                folder.record.train.tokens,
                REPETITIONS * factor,
            )
            for reads, folder in zip(self.packed.facts(1), self.packed.folders, strict=True)
        )

    def other_effective(self, positions: float) -> tuple[float, float]:
        """Return what they are worth if repeated data is worth less, or more."""
        low = self.effective(positions, 1 / REPETITIONS_FACTOR)
        return low, self.effective(positions, REPETITIONS_FACTOR)


def _refuse_impossible(folder: PackedFolder) -> None:
    """Raise InputError where a folder lists what no text has: no tokens, or no bytes in them."""
    record = folder.record
    splits = [split for split in (record.train, record.validation) if split]
    if record.vocabulary_size < 2 or not all(
        split.tokens and split.bytes_of_text for split in splits
    ):
        raise InputError(
            f"{folder.path / MANIFEST}: damaged: it lists no tokens, or no bytes of text",
            f"restore a good copy, or make {folder.path} again from its inputs",
        )
