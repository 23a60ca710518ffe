"""Export: hand on what lmkit made, in the form that others read.

    work/packed    train.bin, val.bin: nanoGPT's token files

Choices:
- What comes out follows from what goes in.
- nanoGPT's files know nothing of their tokenizer, so the manifest beside them says which it was,
  and which id stands between documents.
- Documents go out in the order in which they are stored, without begin and end: what stood between
  two of them is the separator.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lmkit.artifacts.folder import OutputFolder, making
from lmkit.artifacts.inputs import check_made, made_by_lmkit, other_folder
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import StageConfig
from lmkit.errors import ConfigError, InputError
from lmkit.execution.progress import warn
from lmkit.tokens.packed import PackedFolder

FILES = {"train": "train.bin", "validation": "val.bin"}
"""What nanoGPT calls the sides."""

LARGEST_VOCABULARY = 1 << 16


class ExportConfig(StageConfig):
    """Write a packed folder as nanoGPT's train.bin and val.bin."""

    stage = "export"
    owns = (r"(train|val)\.bin",)

    separator: Annotated[int, Field(ge=0, lt=LARGEST_VOCABULARY)] | Literal["end"] | None = "end"
    """Id to put behind each document; end: the end token; none: nothing, which loses where
    documents end."""


def export(config: ExportConfig) -> Manifest:
    """Write what others read."""
    packed = _packed(config.inputs)
    separator = _separator(config, packed)
    check_made(packed.path, hashes=True)
    inputs = other_folder(packed.path, "packed", packed.manifest.fingerprint)
    with making(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        return _write(config, folder, packed, separator)


def _packed(inputs: Sequence[Path]) -> PackedFolder:
    if len(inputs) != 1:
        raise InputError(f"INPUTS: got {len(inputs)}, must be one packed folder")
    manifest = made_by_lmkit(inputs[0])
    if manifest is None or manifest.stage != "pack":
        what = f"made by lmkit {manifest.stage}" if manifest else "not made by lmkit"
        missing = "" if inputs[0].exists() else ": no such folder"
        raise InputError(
            f"{inputs[0]}{missing or f': {what}'}", "name a folder that lmkit pack made"
        )
    size = manifest.details["vocabulary_size"]
    if size > LARGEST_VOCABULARY:
        raise InputError(
            f"{inputs[0]}: its vocabulary has {size:,} entries, and nanoGPT's files hold ids of "
            f"16 bits: at most {LARGEST_VOCABULARY:,}",
            "pack with a smaller vocabulary: lmkit train-tokenizer --vocab-size",
        )
    return PackedFolder(inputs[0], manifest)


def _separator(config: ExportConfig, packed: PackedFolder) -> int | None:
    if config.separator != "end":
        return config.separator
    from lmkit.tokens.tokenizer import Tokenizer

    end = packed.manifest.details["end"]
    end = Tokenizer.load(packed.path / "tokenizer").end if end is None else end
    if end is None:
        raise ConfigError(
            f"--separator: {packed.path} has no end token",
            "give an id that no text has, or none: --separator",
        )
    return int(end)


def _write(
    config: ExportConfig, folder: OutputFolder, packed: PackedFolder, separator: int | None
) -> Manifest:
    details = packed.manifest.details
    sides = [side for side in FILES if side in details]
    if "validation" not in sides:
        warn(f"{packed.path} holds nothing out, so there is no val.bin")
    work = partial(_write_side, packed.path, (details["begin"], details["end"]), separator)
    receipts = folder.run("export", work, sides, workers=config.workers, label="writing")
    about: dict[str, Any] = {
        "separator": separator,
        "tokenizer": details["tokenizer"],
        "vocabulary_size": details["vocabulary_size"],
    }
    sizes = {receipt.facts["side"]: receipt.counts.more["tokens"] for receipt in receipts}
    return folder.finish(Counts.total(receipt.counts for receipt in receipts), about | sizes)


def _write_side(
    packed: Path,
    framing: tuple[int | None, int | None],
    separator: int | None,
    side: str,
    writer: TaskWriter,
) -> None:
    from lmkit.tokens.nanogpt import write_tokens
    from lmkit.tokens.shards import Shards

    begin, end = (token is not None for token in framing)
    with writer.file(FILES[side]) as path, path.open("wb") as file:
        documents, tokens = write_tokens(Shards.at(packed / side), (begin, end), separator, file)
    writer.counts = Counts(documents_in=documents, documents_out=documents, more={"tokens": tokens})
    writer.facts = {"side": FILES[side]}
