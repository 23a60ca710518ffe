"""What only a folder of `lmkit pack` shows."""

import random

from lmkit.commands.inspect.opened_folder import FolderKind, OpenedFolder, Sections
from lmkit.commands.inspect.options import InspectConfig
from lmkit.commands.inspect.record_sections import shortened
from lmkit.packing.preview import preview_sequence

SPLITS = ("train", "validation")


def packed_sections(folder: OpenedFolder) -> Sections:
    """Return the numbers of each split and of each source."""
    details = folder.details
    splits: list[Sections] = []
    for split in SPLITS:
        if found := details.get(split):
            ratio = found["bytes_of_text"] / max(1, found["tokens"])
            keys = ("documents", "cut", "tokens", "rows", "padding", "padding_share")
            shown = {key: found[key] for key in keys if key in found}
            splits.append({"side": split, **shown, "bytes_per_token": round(ratio, 3)})
    rest = {key: value for key, value in details.items() if not isinstance(value, dict)}
    sources = [{"source": name, **found} for name, found in details.get("sources", {}).items()]
    return {"rows": rest, "sides": splits, "sources": sources}


def sample_sequence(config: InspectConfig, folder: OpenedFolder) -> list[Sections]:
    """Return the pieces of a sequence, which is chosen by the seed."""
    details = folder.details
    split = next((split for split in SPLITS if details.get(split)), SPLITS[0])
    row = random.Random(config.seed).randrange(details[split]["rows"])
    length, pad = details["sequence_length"], details["pad"]
    pieces = preview_sequence(config.folder, split, row, length, pad)
    where = {"row": f"{row:,} of {split}"}
    return [where | piece | {"text": shortened(piece["text"])} for piece in pieces]


PACKED = FolderKind(packed_sections, (("sample_row", sample_sequence),))
