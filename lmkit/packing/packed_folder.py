"""A packed folder as an input: other sequences over the same tokens.

Choices:
- A shard is hard-linked if possible, since tokens are most of a packed folder and are never
  changed; on another disk, or if links aren't allowed, it is copied.
- A linked file is read once, to compare it with the folder's manifest.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import InputError, LmkitError
from lmkit.packing.packed_record import PackedRecord
from lmkit.packing.token_rows import TokenSequences
from lmkit.packing.token_shards import (
    DOCUMENT,
    StoredArray,
    documents_name,
    token_type,
    tokens_name,
)
from lmkit.storage.byte_ranges import hash_range
from lmkit.storage.remote_files import RemoteFile, file_at


@dataclass(frozen=True)
class PackedFolder:
    """A folder that lmkit pack wrote."""

    path: Path
    manifest: Manifest
    record: PackedRecord

    @classmethod
    def of(cls, path: Path, manifest: Manifest | None) -> Self | None:
        """Open a folder with this manifest; None where lmkit pack didn't write it."""
        if manifest is None or manifest.stage != "pack":
            return None
        _refuse_remote(path)
        return cls(path, manifest, PackedRecord.from_manifest(manifest, path))

    @classmethod
    def at(cls, path: Path, hint: str) -> Self:
        """Open the folder that was typed; an InputError names what it is instead."""
        _refuse_remote(path)
        manifest = finished_manifest(path)
        if packed := cls.of(path, manifest):
            return packed
        what = f"made by lmkit {manifest.stage}" if manifest else "not made by lmkit"
        missing = "" if path.exists() else ": no such folder"
        raise InputError(f"{path}{missing or f': {what}'}", hint)

    def sequences(self, split: str) -> TokenSequences:
        """Open the sequences of a split."""
        record = self.record
        return TokenSequences.open(
            self.path / split, record.sequence_length, record.pad, record.vocabulary_size
        )

    def shards(self, splits: Sequence[str]) -> list[tuple[str, int]]:
        """List the shards of the splits that hold documents: a split, and an index."""
        names = [output.name for output in self.manifest.outputs]
        return [
            (split, number)
            for split in splits
            if self.record.split(split)
            for number in range(sum(name.startswith(f"{split}/tokens-") for name in names))
        ]

    def link(self, shard: tuple[str, int], writer: TaskWriter) -> None:
        """Link a shard into another folder."""
        split, number = shard
        tokens, documents = (f"{split}/{name(number)}" for name in (tokens_name, documents_name))
        for name in (tokens, documents):
            self._check(name)
            with writer.file(name) as path:
                link_or_copy(self.path / name, path)
        records = len(StoredArray.at(writer.folder / documents, DOCUMENT))
        sizes = {"tokens": self._tokens(writer.folder / tokens)}
        writer.counts = Counts(documents_in=records, documents_out=records, more=sizes)
        writer.facts = {"documents": {split: records}}

    def _tokens(self, path: Path) -> int:
        return len(StoredArray.at(path, token_type(self.record.vocabulary_size)))

    def _check(self, name: str) -> None:
        output = next(output for output in self.manifest.outputs if output.name == name)
        file = self.path / name
        if hash_range(file, 0, output.bytes) != output.sha256:
            raise LmkitError(
                f"{file}: doesn't match its manifest.json (SHA-256)", "make that folder again"
            )


def _refuse_remote(path: Path) -> None:
    if isinstance(found := file_at(path), RemoteFile):
        raise InputError(
            f"{found.url}: packed sequences are read from a disk only",
            "copy the folder to a disk of this machine, and name the copy",
        )


def only_packed(inputs: Sequence[Path], listed: Path | None) -> PackedFolder | None:
    """Return the packed folder that is the only input; None if documents are to be packed.

    Raises InputError for one among other inputs, and for one with missing files.
    """
    packed = [
        folder for path in inputs if (folder := PackedFolder.of(path, finished_manifest(path)))
    ]
    if not packed:
        return None
    if len(inputs) > 1 or listed:
        raise InputError(
            f"INPUTS: {packed[0].path} is a packed folder, and not the only input",
            "name it alone to pack it into other sequences, or pack all the documents together",
        )
    check_finished(packed[0].path, hashes=False)  # shards are read as they are linked
    check_finished(packed[0].path, hashes=True, below="tokenizer/")
    return packed[0]


def link_or_copy(source: Path, target: Path) -> None:
    """Create a file with the same content, as a hard link if possible."""
    # Opening a link that an earlier process has left would write into the file that it links to.
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)  # a link to a symbolic link would be one itself
    except OSError:
        shutil.copyfile(source, target)
