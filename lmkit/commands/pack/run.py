"""Pack: tokenize documents, and pack the tokens into sequences for training.

    work/packed/train/tokens-00000.npy      the concatenated tokens of the documents
    work/packed/train/documents-00000.npy   the offsets of the documents
    work/packed/train/rows/...              the row index: the pieces of documents in every sequence
    work/packed/validation/...              the same, for the held-out documents
    work/packed/tokenizer/...               a copy, so that the folder is self-contained

Choices:
- A document is held out by a hash of its cluster (`metadata.cluster`), else of its id, whatever
  else is packed with it. If that selects no document, the one with the smallest hash is held out.
- Documents are ordered by a hash of their ids, so sequences don't depend on how files are named,
  ordered or split into tasks.
- A packed folder as the input gives other sequences over the same tokens. They are hard links if
  possible, else copies, never a path into the other folder: every folder is self-contained.
- Tokens that no natural text can have are refused (`sanity_limits.py`): after a check of some
  documents before anything is written, and again when all are counted. The limits affect nothing
  else. They aren't compared with those of an earlier run, and a refused run resumes at once when a
  limit is lifted.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import Unreadable
from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.inputs import RECORDS, Inputs, find_documents, folder_input
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.output_folder import OutputFolder, open_output
from lmkit.artifacts.output_stores import on_disk
from lmkit.artifacts.tasks import Receipt, TaskWriter
from lmkit.commands.pack.document_tasks import (
    SPLITS,
    DocumentTasks,
    Read,
    Split,
    documents_by_task,
    documents_of,
    read_documents,
)
from lmkit.commands.pack.options import PackConfig
from lmkit.errors import ConfigError, InputError, LmkitError
from lmkit.execution.progress import progress, warn
from lmkit.execution.tables import MAX_SOURCES
from lmkit.packing.packed_folder import PackedFolder, only_packed
from lmkit.packing.packed_record import PackedRecord, TokensRecord
from lmkit.packing.row_index import split_overlap
from lmkit.packing.row_ranges import SplitShards, write_row_indexes
from lmkit.packing.sanity_limits import StatisticsBySource, judge, summary
from lmkit.packing.tokenize_documents import (
    TokenizeOptions,
    sample_statistics,
)
from lmkit.storage.remote_files import file_at
from lmkit.tokenizers.encoder_choice import EncoderRecord
from lmkit.tokenizers.tokenizer import FILES, Tokenizer

SEQUENCE_OPTIONS = {"sequence_length", "packing"}
"""Options that only affect sequences."""
CHECKED_DOCUMENTS = 64
"""Documents to check before work starts; or, of as many parts of the inputs, the first ones."""
MIN_PER_PART = 2
MAX_WARNINGS = 5


def pack(config: PackConfig) -> Manifest:
    """Write the tokens and the row index of all inputs to the output folder."""
    packed = only_packed(config.inputs, config.inputs_from)
    return _repack(config, packed) if packed else _pack_documents(config)


def _pack_documents(config: PackConfig) -> Manifest:
    tokenizer_folder, tokenizer = _tokenizer(config)
    fraction, held_out = _validation(config.validation)
    documents = find_documents(config.inputs, config.inputs_from, formats=(*RECORDS, "tokens"))
    separator = tokenizer.eos if config.separator == "eos" else config.separator
    read = partial(read_documents, config.max_record, separator)
    options = _tokenize_options(config, tokenizer_folder, tokenizer.fingerprint, fraction)
    with progress("checking some documents", None):
        _refuse_too_few(read, documents, fraction)
        _refuse_unsuitable(read, documents, options)
    validation = find_documents([held_out], formats=(*RECORDS, "tokens")) if held_out else None
    inputs = documents.merged_with(
        folder_input(config.tokenizer or tokenizer_folder, "tokenizer", tokenizer.fingerprint)
    )
    inputs = inputs.merged_with(validation) if validation else inputs
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        receipts, encoder = DocumentTasks(config, folder, read, documents, validation).run(options)
        counts = Counts.total(receipt.counts for receipt in receipts)
        sources = _checked(config, receipts, counts)
        folder.run("tokenizer", _copy_tokenizer, [tokenizer_folder], label="copying the tokenizer")
        tokens = _tokens_record(config, tokenizer, sources, encoder)
        return _finish(config, folder, receipts, counts, tokens)


def _repack(config: PackConfig, packed: PackedFolder) -> Manifest:
    """Pack the documents of a packed folder into other sequences."""
    config = _as_packed(config, packed)
    inputs = folder_input(packed.path, "packed", packed.manifest.fingerprint)
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        shards = packed.shards(SPLITS)
        workers = config.workers
        receipts = folder.run(
            "tokens", packed.link, shards, workers=workers, label="linking tokens"
        )
        folder.run(
            "tokenizer", _copy_tokenizer, [packed.path / "tokenizer"], label="copying the tokenizer"
        )
        counts = Counts.total(receipt.counts for receipt in receipts)
        more = packed.manifest.counts.more | counts.more
        counts = counts.model_copy(update={"more": more})
        return _finish(config, folder, receipts, counts, packed.record)


def _as_packed(config: PackConfig, packed: PackedFolder) -> PackConfig:
    """Return the options with those of the packed folder's tokens."""
    name, before = packed.path, packed.manifest.config
    if config.tokenizer:
        raise ConfigError(
            f"--tokenizer: got {config.tokenizer}, but {name} is packed and has its own",
            "omit it, or pack the documents again",
        )
    fixed = (
        before.keys()
        & PackConfig.model_fields.keys() - SEQUENCE_OPTIONS - PackConfig.location_options
    )
    kept = {key: before[key] for key in fixed}
    for key in sorted(config.model_fields_set & kept.keys()):
        if (typed := getattr(config, key)) != kept[key]:
            raise ConfigError(
                f"--{key.replace('_', '-')}: got {typed}, but {name} was packed with {kept[key]}",
                "omit it, or pack the documents again: only the sequences change",
            )
    return config.model_copy(update=kept)


def _tokenize_options(
    config: PackConfig, tokenizer: Path, fingerprint: str, fraction: float
) -> "TokenizeOptions":
    return TokenizeOptions(
        tokenizer=tokenizer,
        fingerprint=fingerprint,
        seed=config.seed,
        bos=config.bos,
        eos=config.eos,
        fraction=fraction,
        smallest=None,
        limits=config.limits,
    )


def _finish(
    config: PackConfig,
    folder: OutputFolder,
    receipts: Sequence[Receipt],
    counts: Counts,
    tokens: TokensRecord,
) -> Manifest:
    """Write the row index of all shards, and the manifest."""
    splits: list[Split] = [split for split in SPLITS if documents_of(receipts, split)]
    shards = [SplitShards(split, documents_by_task(receipts, split)) for split in splits]
    indexes = write_row_indexes(
        folder, shards, config.packing, config.sequence_length, config.workers
    )
    _check(counts, indexes)
    _warn_of_overlap(folder.path, {each.split: len(each.documents) for each in shards})
    rows: dict[Split, dict[str, Any]] = {
        split: receipt.facts for split, receipt in zip(splits, indexes, strict=True)
    }
    return folder.finish(counts, _packed_record(config, tokens, rows).recorded())


def _tokenizer(config: PackConfig) -> tuple[Path, "Tokenizer"]:
    path = config.tokenizer
    if path is None:
        raise ConfigError(
            "--tokenizer: missing; give it here, or as tokenizer in a --config file",
            "name a folder that lmkit train-tokenizer wrote; a packed folder alone needs none",
        )
    manifest = finished_manifest(path)
    if manifest and manifest.stage != "train-tokenizer":
        raise InputError(
            f"--tokenizer: {path} was made by lmkit {manifest.stage}",
            "name a folder that lmkit train-tokenizer wrote",
        )
    if manifest:
        path = on_disk(path, manifest, config)
    check_finished(path, hashes=True)
    tokenizer = Tokenizer.load(path)
    needed = {"pad": True, "bos": config.bos, "eos": config.eos}
    for role, required in needed.items():
        if required and getattr(tokenizer, role) is None:
            raise InputError(
                f"--tokenizer: {path} has no {'padding' if role == 'pad' else role.upper()} token",
                f"--no-{role} packs without it" if role != "pad" else "add one to it",
            )
    return path, tokenizer


def _validation(typed: str) -> tuple[float, Path | None]:
    """Return the fraction to hold out, or the folder of documents for validation."""
    if typed == "none":
        return 0.0, None
    try:
        fraction = float(typed)
    except ValueError:
        return 0.0, Path(typed)
    if not 0 <= fraction < 1:
        raise ConfigError(
            f"--validation: got {typed}, must be a fraction from 0 to less than 1, or a folder"
        )
    return fraction, None


def _refuse_too_few(read: Read, documents: Inputs, fraction: float) -> None:
    """Refuse, before anything is written, too few documents to train on and hold out."""
    found = 0
    hint = "check what the previous stage dropped, and why"
    for part in documents.slices:
        for document in read(part, []):
            if isinstance(document, Unreadable):
                hint = f"a document can't be read: {document.origin}: {document.reason}"
                continue
            found += document.size > 0
            if found > 1 or (found and not fraction):
                return
    if found:
        raise InputError(
            "INPUTS: hold one document, which can't be both trained on and held out",
            "name other documents with --validation FOLDER, or hold out nothing: --validation 0",
        )
    raise InputError("INPUTS: hold no text", hint)


def _refuse_unsuitable(read: Read, documents: Inputs, options: "TokenizeOptions") -> None:
    """Refuse, before anything is written, a tokenizer that doesn't fit these texts."""
    some = documents.slices[:: max(1, len(documents.slices) // CHECKED_DOCUMENTS)][
        :CHECKED_DOCUMENTS
    ]
    found = (
        document
        for part in some
        for document in islice(read(part, []), max(MIN_PER_PART, CHECKED_DOCUMENTS // len(some)))
        if not isinstance(document, Unreadable)
    )
    try:
        verdict = judge(sample_statistics(found, options).by_source(), options.limits)
    except LmkitError as error:
        raise InputError(error.message, error.hint) from None
    if verdict.refused:
        lines = "\n  ".join(verdict.refused)
        raise InputError(f"INPUTS: a check of some documents failed:\n  {lines}", verdict.hint)


def _checked(
    config: PackConfig, receipts: Sequence[Receipt], counts: Counts
) -> dict[str, dict[str, int]]:
    """Refuse tokens that no natural text can have; return the counts by source."""
    by_source = StatisticsBySource.total(
        receipt.facts["sources"] for receipt in receipts
    ).by_source()
    verdict = judge(by_source, config.limits)
    for text in verdict.warnings[:MAX_WARNINGS]:
        warn(text)
    if verdict.refused:
        raise LmkitError(
            "the tokens are not those of natural text:\n  "
            + "\n  ".join(verdict.refused[:MAX_WARNINGS]),
            f"{verdict.hint} (finished tasks are kept)",
        )
    sources = summary(by_source)
    for name, total in (("documents", counts.documents_out), ("tokens", counts.more["tokens"])):
        _refuse_mismatch(name, total, sum(source[name] for source in sources.values()), "by source")
    return sources


def _copy_tokenizer(tokenizer: Path, writer: TaskWriter) -> None:
    for name in FILES:
        if (tokenizer / name).exists():
            with writer.file(f"tokenizer/{name}") as path:
                path.write_bytes((tokenizer / name).read_bytes())


def _check(packed: Counts, indexes: Sequence[Receipt]) -> None:
    """Raise LmkitError if the sequences don't hold everything that the tasks tokenized."""
    for name, expected in (("documents", packed.documents_out), ("tokens", packed.more["tokens"])):
        found = sum(receipt.facts[name] for receipt in indexes)
        _refuse_mismatch(name, expected, found, "in sequences")


def _refuse_mismatch(name: str, expected: int, found: int, where: str) -> None:
    if found != expected:
        raise LmkitError(
            f"{expected:,} {name} were packed, {found:,} are {where}: this is a bug in lmkit, "
            "and the output is not to be trusted"
        )


def _warn_of_overlap(folder: Path, shards: dict[str, int]) -> None:
    """Warn if held-out documents are also in the training split."""
    if set(shards) == set(SPLITS):
        shared, every = split_overlap(folder, shards["train"], shards["validation"])
        if shared:
            warn(f"{shared:,} of {every:,} held-out documents are also in the training split")


def _tokens_record(
    config: PackConfig,
    tokenizer: Tokenizer,
    sources: dict[str, dict[str, int]],
    encoder: EncoderRecord,
) -> TokensRecord:
    assert tokenizer.pad is not None, "a tokenizer without it is refused"
    return TokensRecord(
        vocabulary_size=tokenizer.size,
        tokenizer=tokenizer.fingerprint,
        pad=tokenizer.pad,
        bos=tokenizer.bos if config.bos else None,
        eos=tokenizer.eos if config.eos else None,
        limits=config.limits.model_dump(mode="json"),
        sources=sources,
        encoder=encoder,
    )


def _packed_record(
    config: PackConfig, tokens: TokensRecord, rows: dict[Split, dict[str, Any]]
) -> PackedRecord:
    if not rows.get("train", {}).get("tokens"):
        raise LmkitError("INPUTS: nothing is left to train on", "hold out less: --validation")
    if rows["train"]["rows"] < 2 and rows["train"]["padding"]:
        warn(f"all the training text fits in one sequence of {config.sequence_length:,} tokens")
    sequences = {"sequence_length": config.sequence_length, "packing": config.packing}
    return PackedRecord.model_validate(tokens.model_dump(exclude_unset=True) | sequences | rows)


def result_text(config: "PackConfig", manifest: Manifest) -> str:
    """Return lines with the counts by split and by source."""
    record = PackedRecord.from_manifest(manifest, config.output)
    lines = [f"{file_at(config.output).shown}: sequences of {record.sequence_length:,} tokens"]
    for name in SPLITS:
        if split := record.split(name):
            lines.append(
                f"  {name}: {split.documents:,} documents, {split.tokens:,} tokens in "
                f"{split.rows:,} sequences ({split.padding_share:.2%} padding, "
                f"{split.cut:,} documents split that would fit), "
                f"{split.bytes_of_text / split.tokens:.2f} bytes per token"
            )
    return "\n".join([*lines, *_by_source(record.sources)])


def _by_source(sources: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return lines with the counts by source, if there are several."""
    shown = list(sources.items())[:MAX_SOURCES] if len(sources) > 1 else []
    lines = [
        f"  from {name}: {found['documents']:,} documents, {found['tokens']:,} tokens, "
        f"{found['bytes']:,} bytes"
        for name, found in shown
    ]
    rest = len(sources) - len(shown)
    return [*lines, f"  and from {rest:,} more: see lmkit inspect"] if shown and rest else lines
