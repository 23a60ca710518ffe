"""Samples of the records of a folder: documents, and what else is written next to them."""

from fnmatch import fnmatch
from typing import get_args

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.artifacts.options import DocumentFormat
from lmkit.artifacts.record_samples import pick, read_records
from lmkit.commands.inspect.folder_kind import Sections
from lmkit.commands.inspect.options import InspectConfig

MAX_CHARACTERS = 300
RECORDS = ("documents", "rejected", "quarantine", "cuts", "contamination")


def sample_records(config: InspectConfig, folder: OpenedFolder, kind: str) -> list[Sections]:
    """Return records from one shard: the first of the quarantine, else a sample by the seed."""
    shards = [output for output in folder.outputs if _holds(kind, output.name)]
    if kind == "quarantine" and shards:
        return read_records(config.folder / shards[0].name, range(config.samples))
    if (picked := pick(shards, config.samples, config.seed)) is None:
        return []
    shard, numbers = picked
    found = read_records(config.folder / shard.name, numbers)
    short = [shortened(record.pop("text", "")) for record in found]
    return [record | {"text": text} for record, text in zip(found, short, strict=True)]


def _holds(kind: str, name: str) -> bool:
    return any(fnmatch(name, f"{kind}-*.{ending}") for ending in get_args(DocumentFormat))


def shortened(text: object) -> str:
    """Return the start of a text."""
    full = str(text)
    return full if len(full) <= MAX_CHARACTERS else full[:MAX_CHARACTERS] + " ..."
