"""What only a folder of `lmkit pack` shows."""

import random

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.folder_kind import FolderKind, Sections
from lmkit.commands.inspect.options import InspectConfig
from lmkit.commands.inspect.record_sections import shortened
from lmkit.errors import InputError
from lmkit.packing.packed_record import PackedRecord, SplitRecord
from lmkit.packing.preview import preview_sequence

SPLITS = ("train", "validation")


def packed_sections(folder: OpenedFolder) -> Sections:
    """Return the numbers of each split and of each source."""
    if folder.manifest is None:
        return {"rows": {}, "sides": [], "sources": []}
    record = PackedRecord.from_manifest(folder.manifest, folder.path)
    splits = [(name, record.split(name)) for name in SPLITS]
    rest = {key: value for key, value in folder.details.items() if not isinstance(value, dict)}
    return {
        "rows": rest,
        "sides": [{"side": name, **_row(split)} for name, split in splits if split],
        "sources": [{"source": name, **found} for name, found in record.sources.items()],
    }


def _row(split: SplitRecord) -> Sections:
    ratio = split.bytes_of_text / max(1, split.tokens)
    row = split.model_dump(mode="json", exclude={"bytes_of_text"})
    return row | {"bytes_per_token": round(ratio, 3)}


def sample_sequence(config: InspectConfig, folder: OpenedFolder) -> list[Sections]:
    """Return the pieces of a sequence, which is chosen by the seed."""
    assert folder.manifest, "only finished folders have sequences"
    if folder.listed is not None:
        raise InputError(
            f"{folder.shown}: sequences are read of a folder on a disk: copy it to see one"
        )
    record = PackedRecord.from_manifest(folder.manifest, folder.path)
    row = random.Random(config.seed).randrange(record.train.rows)
    pieces = preview_sequence(config.folder, "train", row, record.sequence_length, record.pad)
    where = {"row": f"{row:,} of train"}
    return [where | piece | {"text": shortened(piece["text"])} for piece in pieces]


PACKED = FolderKind(packed_sections, (("sample_row", sample_sequence),))
