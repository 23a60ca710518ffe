"""Two cleaned or deduplicated folders: what became of each document, by its id.

Choices:
- A document is kept, dropped for a reason, or not there. What became of it is a byte, and its id a
  hash of 64 bits: ten million documents take 90 MB a folder.
- Dropped documents are known where the folder keeps them (`rejected-*.jsonl.zst`).
- The examples are read in a second pass, which ends with the last of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.inputs import find_documents
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.artifacts.record_samples import MAX_LINE_BYTES
from lmkit.commands.inspect.comparison.folder_pair import Pair
from lmkit.commands.inspect.folder_kind import Sections
from lmkit.commands.inspect.options import InspectConfig
from lmkit.commands.inspect.record_sections import shortened
from lmkit.errors import LmkitError
from lmkit.readers.dispatch import read_slice
from lmkit.storage.byte_lines import lines
from lmkit.storage.byte_ranges import Range
from lmkit.storage.json_bytes import from_json, object_of
from lmkit.storage.remote_files import shown, state_of
from lmkit.text.digests import document_key

KEPT, ABSENT = "kept", "not there"
MAX_RECORD = 1 << 40


@dataclass(frozen=True)
class Fates:
    """What became of the documents of a folder, by ascending keys."""

    keys_N: NDArray[np.uint64]
    codes_N: NDArray[np.uint16]
    names: tuple[str, ...]
    """What a code means."""

    def of(self, keys_M: NDArray[np.uint64]) -> NDArray[np.uint16]:
        """Return the codes of documents; that of an absent one is the number of names."""
        if not len(self.keys_N):
            return np.full(len(keys_M), len(self.names), np.uint16)
        at_M = np.minimum(np.searchsorted(self.keys_N, keys_M), len(self.keys_N) - 1)
        found_M = self.codes_N[at_M]
        return np.where(self.keys_N[at_M] == keys_M, found_M, np.uint16(len(self.names)))


def document_sections(config: InspectConfig, pair: Pair) -> Sections:
    """Return how many documents became what, where that is not the same, with examples."""
    if not all(folder.manifest for folder in pair.folders):
        return {}
    first, second = (_fates(folder) for folder in pair.folders)
    keys_M = np.union1d(first.keys_N, second.keys_N)
    codes_2M = np.stack([first.of(keys_M), second.of(keys_M)])
    names = [(*each.names, ABSENT) for each in (first, second)]
    kinds, inverse, counts = np.unique(codes_2M, axis=1, return_inverse=True, return_counts=True)
    rows: list[Sections] = []
    wanted: dict[int, Sections] = {}
    examples: list[Sections] = []
    for number in np.argsort(-counts, kind="stable").tolist():
        fates = [names[side][code] for side, code in enumerate(kinds[:, number].tolist())]
        if fates[0] == fates[1]:
            continue
        rows.append(pair.row({}, *fates) | {"documents": int(counts[number])})
        for key in keys_M[inverse.reshape(-1) == number][: config.samples].tolist():
            wanted[key] = pair.row({}, *fates)
            examples.append(wanted[key])
    for folder in pair.folders:
        _fill(folder, wanted)
    return {"documents": rows, "examples": examples}


def _fates(folder: OpenedFolder) -> Fates:
    codes: dict[str, int] = {KEPT: 0}
    keys: list[int] = []
    found: list[int] = []
    for document_id, _, fate in _documents(folder):
        keys.append(document_key(0, document_id))
        found.append(codes.setdefault(fate, len(codes)))
    keys_N, codes_N = np.array(keys, np.uint64), np.array(found, np.uint16)
    keys_N, index_N = np.unique(keys_N, return_index=True)
    return Fates(keys_N, codes_N[index_N], tuple(codes))


def _fill(folder: OpenedFolder, wanted: dict[int, Sections]) -> None:
    """Add id and text to the examples that a folder holds, and forget these."""
    for document_id, text, _ in _documents(folder) if wanted else ():
        if found := wanted.pop(document_key(0, document_id), None):
            found |= {"id": document_id, "text": shortened(text)}
        if not wanted:
            return


def _documents(folder: OpenedFolder) -> Iterator[tuple[str, str, str]]:
    """Yield the id and the text of each document, and what became of it."""
    if folder.counts.documents_out:
        for part in find_documents([folder.path], formats=()).slices:
            for each in read_slice(part, [], max_record=MAX_RECORD):
                if isinstance(each, Document):
                    yield each.id, each.text, KEPT
    for output in folder.outputs:
        if output.name.startswith("rejected-"):
            path = folder.path / output.name
            with Range(path, 0, state_of(path).size) as file:
                for line in lines(file, "zstd", MAX_LINE_BYTES):
                    if line.data is not None:
                        yield _rejected(path, line.data)


def _rejected(path: Path, line: bytes) -> tuple[str, str, str]:
    """Return the id and the text of a rejected document, and the reason."""
    try:
        record = object_of(from_json(line))
        found = record["id"], record["text"], record["reason"]
    except (ValueError, KeyError):
        raise LmkitError(f"{shown(path)}: damaged", "make that folder again") from None
    if not all(isinstance(each, str) for each in found):
        raise LmkitError(f"{shown(path)}: damaged", "make that folder again")
    return found
