"""Pack: cut documents into tokens, and lay the tokens out in rows for training.

    work/packed/train/tokens-00000.npy      the tokens of the documents, one behind the other
    work/packed/train/documents-00000.npy   where each document lies
    work/packed/train/rows/...              which pieces of which documents make a row
    work/packed/validation/...              the same, for what is held out
    work/packed/tokenizer/...               a copy, so that the folder can be handed on

Choices:
- A stored document is `begin text end`. Its text is encoded with special tokens off, so no text
  can end a document or pretend to be a border; borders are stored, never looked for.
- A document is held out by a hash of its cluster (`metadata.cluster`), else of its id, whatever
  else is packed with it. Where that hits no document, what has the smallest hash is held out.
- Documents are laid out by a hash of their ids, so rows don't depend on how files are named,
  ordered or cut into tasks.
- A packed folder as the input gives other rows over the same tokens. They are hard links where the
  disk can have them, else copies, never a path into the other folder: each folder stands by itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field

from lmkit.artifacts.documents import QUARANTINE_FILES, Document, OutcomeFiles, Unreadable
from lmkit.artifacts.folder import OutputFolder, making
from lmkit.artifacts.inputs import (
    RANGE_BYTES,
    Inputs,
    Slice,
    check_made,
    cut,
    find_documents,
    made_by_lmkit,
    other_folder,
)
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.tasks import Receipt, TaskWriter, receipt_path
from lmkit.config import StageConfig
from lmkit.errors import ConfigError, InputError, LmkitError
from lmkit.execution.progress import warn
from lmkit.readers.documents import read_slice
from lmkit.tokens.packed import PackedFolder, only_packed
from lmkit.tokens.split import Kin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmkit.tokens.shards import ShardWriter
    from lmkit.tokens.tokenizer import Tokenizer

Side = Literal["train", "validation"]
SIDES: tuple[Side, Side] = ("train", "validation")
BATCH_CHARACTERS = 1_000_000
ANEW = {"sequence_length", "packing"}
"""Options that decide about rows alone."""
ABOUT_TOKENS = ("vocabulary_size", "tokenizer", "pad", "begin", "end")
"""Details that stay the same in other rows."""


class PackConfig(StageConfig):
    """Cut documents into tokens and lay them out in rows."""

    stage = "pack"
    owns = (
        r"(train|validation)/(tokens|documents)-\d{5,}\.npy",
        r"(train|validation)/rows/(starts|pieces)\.npy",
        r"tokenizer/(tokenizer|tokenizer_config|special_tokens_map)\.json",
        QUARANTINE_FILES,
    )
    places = StageConfig.places | {"tokenizer"}

    tokenizer: Path | None = None
    """Folder of the tokenizer; a packed folder as the only input has its own."""

    sequence_length: Annotated[int, Field(ge=2)] = 1_024
    """Tokens in a row: as far as a model will see."""

    packing: Literal["chunk", "best-fit", "document"] = "chunk"
    """chunk: one document behind the other, cut where a row ends. best-fit: cut only documents
    that are longer than a row. document: each document in rows of its own, padded."""

    validation: Annotated[str, BeforeValidator(str)] = "0.005"
    """Share of the documents to hold out, or a folder of documents for validation; 0 for none."""

    begin: bool = True
    """Put the begin token before each document."""

    end: bool = True
    """Put the end token behind each document."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are quarantined."""

    shard_bytes: Annotated[int, Field(ge=1)] = RANGE_BYTES
    """Input bytes per task and token shard."""


def pack(config: PackConfig) -> Manifest:
    """Write the tokens and rows of all inputs to the output folder."""
    packed = only_packed(config.inputs, config.inputs_from)
    return _pack_anew(config, packed) if packed else _pack_documents(config)


def _pack_documents(config: PackConfig) -> Manifest:
    tokenizer_folder, tokenizer = _tokenizer(config)
    share, held_out = _validation(config.validation)
    documents = find_documents(config.inputs, config.inputs_from, formats=("jsonl",))
    _refuse_too_few(config, documents, share)
    validation = find_documents([held_out], formats=("jsonl",)) if held_out else None
    inputs = documents.beside(other_folder(tokenizer_folder, "tokenizer", tokenizer.fingerprint))
    inputs = inputs.beside(validation) if validation else inputs
    with making(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        tasks = cut(documents.slices, config.shard_bytes)
        work = partial(_pack_task, config, share, None)
        receipts = folder.run("train", work, tasks, workers=config.workers, label="packing")
        if share and not _documents_of(receipts, "validation"):
            receipts = _hold_out_one(config, folder, tasks, receipts)
        if validation:
            slices = validation.renumbered(len(documents.records) + 1)
            work = partial(_pack_task, config, 1.0, None)
            tasks = cut(slices, config.shard_bytes)
            receipts += folder.run(
                "validation", work, tasks, workers=config.workers, label="packing validation"
            )
        folder.run("tokenizer", _copy_tokenizer, [tokenizer_folder], label="copying")
        counts = Counts.total(receipt.counts for receipt in receipts)
        return _finish(config, folder, receipts, counts, _about(config, tokenizer))


def _pack_anew(config: PackConfig, packed: PackedFolder) -> Manifest:
    """Lay out the documents of a packed folder in other rows."""
    config = _as_packed(config, packed)
    inputs = other_folder(packed.path, "packed", packed.manifest.fingerprint)
    with making(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        shards = packed.shards(SIDES)
        workers = config.workers
        receipts = folder.run("tokens", packed.link, shards, workers=workers, label="linking")
        folder.run("tokenizer", _copy_tokenizer, [packed.path / "tokenizer"], label="copying")
        counts = Counts.total(receipt.counts for receipt in receipts)
        more = packed.manifest.counts.more | counts.more
        counts = counts.model_copy(update={"more": more})
        about = {key: packed.manifest.details[key] for key in ABOUT_TOKENS}
        return _finish(config, folder, receipts, counts, about)


def _as_packed(config: PackConfig, packed: PackedFolder) -> PackConfig:
    """Return the options with those that the packed folder's tokens were made with."""
    name, before = packed.path, packed.manifest.config
    if config.tokenizer:
        raise ConfigError(
            f"--tokenizer: got {config.tokenizer}, but {name} is packed and brings its own",
            "leave it out, or pack the documents again",
        )
    settled = before.keys() & PackConfig.model_fields.keys() - ANEW - PackConfig.places
    kept = {key: before[key] for key in settled}
    for key in sorted(config.model_fields_set & kept.keys()):
        if (typed := getattr(config, key)) != kept[key]:
            raise ConfigError(
                f"--{key.replace('_', '-')}: got {typed}, but {name} was packed with {kept[key]}",
                "leave it out, or pack the documents again: only rows are made anew",
            )
    return config.model_copy(update=kept)


def _finish(
    config: PackConfig,
    folder: OutputFolder,
    receipts: Sequence[Receipt],
    counts: Counts,
    about: dict[str, Any],
) -> Manifest:
    """Make rows of all shards, and the manifest."""
    sides: list[Side] = [side for side in SIDES if _documents_of(receipts, side)]
    shards = [sum(side in receipt.facts["documents"] for receipt in receipts) for side in sides]
    pairs = list(zip(sides, shards, strict=True))
    indexes = folder.run("rows", partial(_lay_out, config), pairs, label="laying out")
    _check(counts, indexes)
    _warn_of_overlap(folder.path, dict(pairs))
    rows: dict[Side, dict[str, Any]] = {
        side: receipt.facts for side, receipt in zip(sides, indexes, strict=True)
    }
    return folder.finish(counts, _details(config, about, rows))


def _documents_of(receipts: Sequence[Receipt], side: Side) -> int:
    return sum(receipt.facts["documents"].get(side, 0) for receipt in receipts)


def _tokenizer(config: PackConfig) -> tuple[Path, "Tokenizer"]:
    from lmkit.tokens.tokenizer import Tokenizer

    path = config.tokenizer
    if path is None:
        raise ConfigError(
            "--tokenizer: missing; give it here, or as tokenizer in a --config file",
            "name a folder that lmkit train-tokenizer made; a packed folder alone needs none",
        )
    manifest = made_by_lmkit(path)
    if manifest and manifest.stage != "train-tokenizer":
        raise InputError(
            f"--tokenizer: {path} was made by lmkit {manifest.stage}",
            "name a folder that lmkit train-tokenizer made",
        )
    check_made(path, hashes=True)
    tokenizer = Tokenizer.load(path)
    needed = {"pad": True, "begin": config.begin, "end": config.end}
    for role, wanted in needed.items():
        if wanted and getattr(tokenizer, role) is None:
            raise InputError(
                f"--tokenizer: {path} has no {role} token",
                f"--no-{role} packs without it" if role != "pad" else "add one to it",
            )
    return path, tokenizer


def _validation(typed: str) -> tuple[float, Path | None]:
    """Tell a share from a folder."""
    if typed == "none":
        return 0.0, None
    try:
        share = float(typed)
    except ValueError:
        return 0.0, Path(typed)
    if not 0 <= share < 1:
        raise ConfigError(
            f"--validation: got {typed}, must be a share from 0 to less than 1, or a folder"
        )
    return share, None


def _refuse_too_few(config: PackConfig, documents: Inputs, share: float) -> None:
    """Refuse, before anything is written, what can't be both trained on and held out."""
    found = 0
    for part in documents.slices:
        for document in read_slice(part, [], max_record=config.max_record):
            found += isinstance(document, Document) and bool(document.text)
            if found > 1 or (found and not share):
                return
    if found:
        raise InputError(
            "INPUTS: hold one document, which can't be both trained on and held out",
            "name other documents with --validation FOLDER, or hold out nothing: --validation 0",
        )
    raise InputError("INPUTS: hold no text", "see what the stage before has dropped, and why")


def _pack_task(
    config: PackConfig,
    share: float,
    smallest: Kin | None,
    slices: tuple[Slice, ...],
    writer: TaskWriter,
) -> None:
    """Write the token shards of some slices.

    A document is held out if its hash is in `share`, or is the `smallest` of all.
    """
    from lmkit.tokens.split import document_key, goes_to_validation, kin, text_key
    from lmkit.tokens.text import well_formed
    from lmkit.tokens.tokenizer import Tokenizer

    assert config.tokenizer is not None
    tokenizer = Tokenizer.load(config.tokenizer)
    least: Kin | None = None
    empty = unknown = 0
    with OutcomeFiles(writer) as files, ExitStack() as stack:
        sides = _sides(share, smallest)
        shards = {side: _open_shard(stack, writer, side, tokenizer.size) for side in sides}
        for batch in _batches(config, slices, writer, files):
            kept = [document for document in batch if document.text]
            empty += len(batch) - len(kept)
            encoded = tokenizer.encode_batch([document.text for document in kept])
            for document, ids in zip(kept, encoded, strict=True):
                text = text_key(document.text)
                own = kin(config.seed, document.id, text, document.metadata.get("cluster"))
                least = min(least or own, own)
                out = goes_to_validation(own[0], share) or own == smallest
                unknown += int((ids == tokenizer.unknown).sum())
                shards["validation" if out else "train"].append(
                    _framed(ids, config, tokenizer),
                    bytes_of_text=len(well_formed(document.text).encode()),
                    key=document_key(config.seed, document.id),
                    text=text,
                )
    tokens = sum(shard.tokens for shard in shards.values())
    packed = sum(shard.documents for shard in shards.values())
    writer.counts = Counts(
        documents_in=packed + empty + files.quarantined,
        documents_out=packed,
        dropped={"empty": empty} if empty else {},
        quarantined=files.quarantined,
        more={"tokens": tokens, "unknown_tokens": unknown},
    )
    documents = {side: shard.documents for side, shard in shards.items()}
    writer.facts = {"documents": documents, "least": least}


def _sides(share: float, smallest: Kin | None) -> Sequence[Side]:
    """Return the sides that a task may have documents for; it writes no shard for the other."""
    if share == 1:
        return SIDES[1:]
    return SIDES if share or smallest else SIDES[:1]


def _open_shard(stack: ExitStack, writer: TaskWriter, side: Side, size: int) -> "ShardWriter":
    from lmkit.tokens.shards import ShardWriter, documents_name, tokens_name

    names = (f"{side}/{name(writer.number)}" for name in (tokens_name, documents_name))
    tokens, documents = (stack.enter_context(writer.file(name)) for name in names)
    return stack.enter_context(ShardWriter(tokens, documents, size))


def _batches(
    config: PackConfig, slices: tuple[Slice, ...], writer: TaskWriter, files: OutcomeFiles
) -> Iterator[list[Document]]:
    """Read documents in batches that the tokenizer can share out between its threads."""
    batch: list[Document] = []
    room = BATCH_CHARACTERS
    for part in slices:
        for document in read_slice(part, writer.read, max_record=config.max_record):
            if isinstance(document, Unreadable):
                files.quarantine(document)
                continue
            batch.append(document)
            room -= len(document.text)
            if room <= 0:
                yield batch
                batch, room = [], BATCH_CHARACTERS
    yield batch


def _framed(
    ids: "NDArray[np.uint32]", config: PackConfig, tokenizer: "Tokenizer"
) -> "NDArray[np.uint32]":
    """Put begin and end around a document's tokens."""
    import numpy as np

    begin = np.array([tokenizer.begin] if config.begin else [], np.uint32)
    end = np.array([tokenizer.end] if config.end else [], np.uint32)
    return np.concatenate([begin, ids, end])


def _hold_out_one(
    config: PackConfig,
    folder: OutputFolder,
    tasks: Sequence[tuple[Slice, ...]],
    receipts: list[Receipt],
) -> list[Receipt]:
    """Pack what has the smallest hash once more, and hold it out."""
    least = [tuple(receipt.facts["least"] or [1 << 64]) for receipt in receipts]
    # A cluster, or copies with the same id and text, go together, in whichever tasks they are.
    for number in (n for n, key in enumerate(least) if key == min(least)):
        receipt_path(folder.path, "train", number).unlink()
    folder.forget(receipts)
    work = partial(_pack_task, config, 0.0, cast(Kin, min(least)))
    return folder.run("train", work, tasks, workers=config.workers, label="holding one out")


def _copy_tokenizer(tokenizer: Path, writer: TaskWriter) -> None:
    from lmkit.tokens.tokenizer import FILES

    for name in FILES:
        if (tokenizer / name).exists():
            with writer.file(f"tokenizer/{name}") as path:
                path.write_bytes((tokenizer / name).read_bytes())


def _lay_out(config: PackConfig, of: tuple[Side, int], writer: TaskWriter) -> None:
    """Write which pieces of which documents make a row; `of` is a side and its shards."""
    from lmkit.tokens.layout import lay_out
    from lmkit.tokens.rows import PIECES, STARTS
    from lmkit.tokens.shards import Shards, write_array

    side, count = of
    shards = Shards.at(writer.folder / side, count)
    layout = lay_out(shards, config.packing, config.sequence_length)
    for name, values in ((STARTS, layout.row_starts), (PIECES, layout.pieces)):
        with writer.file(f"{side}/{name}") as path:
            write_array(path, values)
    writer.facts = layout.facts


def _check(packed: Counts, indexes: Sequence[Receipt]) -> None:
    """Fail where the rows don't hold what the tasks have packed."""
    for name, went_in in (("documents", packed.documents_out), ("tokens", packed.more["tokens"])):
        placed = sum(receipt.facts[name] for receipt in indexes)
        if placed != went_in:
            raise LmkitError(
                f"{went_in:,} {name} were packed, {placed:,} are in rows: this is a bug in lmkit, "
                "and the output is not to be trusted"
            )


def _warn_of_overlap(folder: Path, shards: dict[Side, int]) -> None:
    """Say so if held-out documents are trained on."""
    import numpy as np

    from lmkit.tokens.shards import Shards

    if set(shards) != set(SIDES):
        return
    texts = [Shards.at(folder / side, shards[side]).of_documents("text") for side in SIDES]
    shared = int(np.isin(texts[1], texts[0]).sum())
    if shared:
        warn(f"{shared:,} of {len(texts[1]):,} held-out documents are among those to train on")


def _about(config: PackConfig, tokenizer: "Tokenizer") -> dict[str, Any]:
    """Say what the tokens are, in ABOUT_TOKENS."""
    return {
        "vocabulary_size": tokenizer.size,
        "tokenizer": tokenizer.fingerprint,
        "pad": tokenizer.pad,
        "begin": tokenizer.begin if config.begin else None,
        "end": tokenizer.end if config.end else None,
    }


def _details(
    config: PackConfig, about: dict[str, Any], rows: dict[Side, dict[str, Any]]
) -> dict[str, Any]:
    if not rows.get("train", {}).get("tokens"):
        raise LmkitError("INPUTS: nothing is left to train on", "hold out less: --validation")
    if rows["train"]["rows"] < 2 and rows["train"]["padding"]:
        warn(f"all the training text fits in one row of {config.sequence_length:,} tokens")
    return {
        "sequence_length": config.sequence_length,
        "packing": config.packing,
        **about,
        **rows,
    }
