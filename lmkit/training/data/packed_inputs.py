"""The packed folders that a run reads.

Choices:
- Folders are read together only where a sequence has the same meaning in all: the same tokenizer,
  the same tokens around documents, the same length.
- Held-out sequences are those of all folders together: the loss on them is a mean over tokens. The
  loss of each folder is recorded too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lmkit.artifacts.finished_folders import check_finished
from lmkit.artifacts.inputs import Inputs, folder_input
from lmkit.artifacts.overlap import refuse_overlap
from lmkit.errors import InputError
from lmkit.execution.ranks import rank
from lmkit.packing.packed_folder import PackedFolder
from lmkit.packing.packed_record import PackedRecord
from lmkit.packing.token_rows import TokenSequences
from lmkit.training.checkpoints.run_record import FolderReads
from lmkit.training.data.batch_sizes import BatchRange
from lmkit.training.data.mixed_rows import MixedRows
from lmkit.training.data.mixture import row_fractions, rows_so_far
from lmkit.training.data.sequence_order import rows_of_batch

HINT = "give a folder made by lmkit pack DOCUMENTS --tokenizer TOKENIZER"
SHARED = {
    "tokenizer": ("tokenizers", "pack the documents of both with the same --tokenizer"),
    "sequence_length": ("sequence lengths", "lmkit pack FOLDER --sequence-length sets it"),
    "bos": ("BOS tokens", "pack both with --bos, or both with --no-bos"),
    "eos": ("EOS tokens", "pack both with --eos, or both with --no-eos"),
    "pad": ("pad tokens", "pack both with the same --tokenizer"),
}
"""What must agree of their records: names, and hints."""


@dataclass(frozen=True)
class PackedInputs:
    """One or more packed folders, and the weights that were typed for them."""

    folders: tuple[PackedFolder, ...]
    weights: tuple[float, ...] | None

    @classmethod
    def at(
        cls, paths: Sequence[Path], weights: tuple[float, ...] | None, output: Path
    ) -> "PackedInputs":
        """Read the manifests; an InputError names what can't be read, or not together."""
        if not paths:
            raise InputError("INPUTS: got 0, must be one or more packed folders")
        refuse_overlap(output, paths)
        folders = [PackedFolder.at(path, HINT) for path in paths]
        for other in folders[1:]:
            _refuse_different(folders[0], other)
        if duplicates := [
            path for path in paths if [p.resolve() for p in paths].count(path.resolve()) > 1
        ]:
            raise InputError(
                f"INPUTS: {duplicates[0]} is given twice", "to read more of it: --mixture.weights"
            )
        return cls(tuple(folders), weights)

    @property
    def path(self) -> Path:
        """The first folder; its tokenizer and its sequence length are those of all."""
        return self.folders[0].path

    @property
    def record(self) -> PackedRecord:
        """Its record; of it, the tokens around documents are those of all."""
        return self.folders[0].record

    @property
    def inputs(self) -> Inputs:
        """The inputs of the run."""
        records = [
            folder_input(folder.path, "packed", folder.manifest.fingerprint)
            for folder in self.folders
        ]
        inputs = records[0]
        for part in records[1:]:
            inputs = inputs.merged_with(part)
        return inputs

    @property
    def sequence_length(self) -> int:
        """Tokens in a sequence."""
        return self.record.sequence_length

    @cached_property
    def fractions(self) -> list[Fraction]:
        """Fraction of the sequences from each folder."""
        return row_fractions(self.weights, self._rows, self._tokens)

    def check(self, *, hashes: bool) -> None:
        """Raise InputError where a folder isn't as lmkit pack made it."""
        _ = self.fractions  # weights that don't fit are an error before anything is read
        if rank() == 0:
            for folder in self.folders:
                check_finished(folder.path, hashes=hashes)
                folder.sequences("train")
            self.held_out()

    def rows(self) -> "TokenSequences | MixedRows":
        """Open the sequences to train on."""
        opened = [folder.sequences("train") for folder in self.folders]
        if len(opened) == 1:
            return opened[0]

        return MixedRows(opened, self.fractions)

    def order(
        self, rows: "TokenSequences | MixedRows"
    ) -> "Callable[[int, BatchRange, int], NDArray[Any]]":
        """Return the function that selects the sequences of a batch."""
        return rows.order if isinstance(rows, MixedRows) else rows_of_batch

    def held_out(self) -> "dict[str, TokenSequences]":
        """Open the sequences to validate on, by folder; folders without them are left out."""
        return {
            str(folder.path): folder.sequences("validation")
            for folder in self.folders
            if folder.record.validation
        }

    def facts(
        self, sequences: int, losses: Mapping[str, float | None] | None = None
    ) -> list[FolderReads]:
        """Return how often each folder is read in the first `sequences` sequences of a run."""
        rows_read = rows_so_far(sequences, self.fractions)
        rows, tokens = self._rows, self._tokens
        parts = [share * t / r for share, t, r in zip(self.fractions, tokens, rows, strict=True)]
        table: list[FolderReads] = []
        for number, folder in enumerate(self.folders):
            loss = (losses or {}).get(str(folder.path))
            entry = FolderReads(
                folder=str(folder.path),
                share_of_tokens=round(float(parts[number] / sum(parts)), 6),
                rows=rows[number],
                rows_read=rows_read[number],
                epochs=round(rows_read[number] / rows[number], 4),
            )
            measured = {} if loss is None else {"validation_loss": loss}
            table.append(entry.model_copy(update=measured))
        return table

    @property
    def _rows(self) -> list[int]:
        return [folder.record.train.rows for folder in self.folders]

    @property
    def _tokens(self) -> list[int]:
        return [folder.record.train.tokens for folder in self.folders]


def _refuse_different(one: PackedFolder, other: PackedFolder) -> None:
    for key, (name, hint) in SHARED.items():
        first, second = getattr(one.record, key), getattr(other.record, key)
        if first != second:
            shown = "" if key == "tokenizer" else f" ({first} and {second})"
            raise InputError(
                f"INPUTS: {one.path} and {other.path} have different {name}{shown}, "
                "so they can't be read together",
                hint,
            )
