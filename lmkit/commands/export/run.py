"""Export: hand on what lmkit made, in the form that others read.

    work/packed    train.bin, val.bin: nanoGPT's token files
    work/run       a folder for Transformers: model.safetensors, config.json, tokenizer, README.md

Choices:
- What comes out follows from what goes in.
- nanoGPT's files know nothing of their tokenizer, so the manifest beside them says which it was,
  and which id stands between documents.
- Documents go out in the order in which they are stored, without begin and end: what stood between
  two of them is the separator.
- A model's files appear once Transformers has loaded them and has said what the model says.
- Weights go out in fp32, as they were trained: whoever wants less casts them as they load.
"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.inputs import other_folder
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.output_folder import OutputFolder, open_output
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.export.model_card import Training, model_card
from lmkit.commands.export.options import LARGEST_VOCABULARY, ExportConfig
from lmkit.commands.export.transformers_folder import WEIGHTS, check_tokenizer, files, save_weights
from lmkit.errors import ConfigError, InputError
from lmkit.execution.progress import warn
from lmkit.huggingface.parity_check import check, need_transformers
from lmkit.huggingface.registry import family_of
from lmkit.model.cost import parameters
from lmkit.packing.nanogpt_bin import write_tokens
from lmkit.packing.packed_folder import PackedFolder
from lmkit.packing.token_shards import Shards
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.trained_model import (
    find_run,
    fingerprint_of,
    open_run,
    read_description,
)

FILES = {"train": "train.bin", "validation": "val.bin"}
"""What nanoGPT calls the sides."""


def export(config: ExportConfig) -> Manifest:
    """Write what others read."""
    if len(config.inputs) != 1:
        raise InputError(f"INPUTS: got {len(config.inputs)}, must be one run or packed folder")
    path = config.inputs[0]
    if _is_a_run(path):
        return _export_model(config, path)
    packed = _packed(path)
    separator = _separator(config, packed)
    check_finished(packed.path, hashes=True)
    inputs = other_folder(packed.path, "packed", packed.manifest.fingerprint)
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        return _write(config, folder, packed, separator)


def _packed(path: Path) -> PackedFolder:
    manifest = finished_manifest(path)
    if manifest is None or manifest.stage != "pack":
        what = f"made by lmkit {manifest.stage}" if manifest else "not made by lmkit"
        missing = "" if path.exists() else ": no such folder"
        raise InputError(
            f"{path}{missing or f': {what}'}",
            "name a folder that lmkit pretrain or lmkit pack made",
        )
    size = manifest.details["vocabulary_size"]
    if size > LARGEST_VOCABULARY:
        raise InputError(
            f"{path}: its vocabulary has {size:,} entries, and nanoGPT's files hold ids of "
            f"16 bits: at most {LARGEST_VOCABULARY:,}",
            "pack with a smaller vocabulary: lmkit train-tokenizer --vocab-size",
        )
    return PackedFolder(path, manifest)


def _separator(config: ExportConfig, packed: PackedFolder) -> int | None:
    if config.separator != "eos":
        return config.separator

    end = packed.manifest.details["eos"]
    end = Tokenizer.load(packed.path / "tokenizer").eos if end is None else end
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
    work = partial(_write_side, packed.path, (details["bos"], details["eos"]), separator)
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
    begin, end = (token is not None for token in framing)
    with writer.file(FILES[side]) as path, path.open("wb") as file:
        documents, tokens = write_tokens(Shards.at(packed / side), (begin, end), separator, file)
    writer.counts = Counts(documents_in=documents, documents_out=documents, more={"tokens": tokens})
    writer.facts = {"side": FILES[side]}


def _is_a_run(path: Path) -> bool:
    """Tell a run, or a checkpoint, from everything else, before torch is needed."""
    return (path / "model.json").is_file() or path.resolve().parent.name == "checkpoints"


def _export_model(config: ExportConfig, path: Path) -> Manifest:
    run, checkpoint = find_run(path)
    family = family_of(read_description(run).config)
    need_transformers()
    if config.separator != "eos":
        raise ConfigError("--separator: has a meaning only for a packed folder", "leave it out")
    inputs = other_folder(path, "run", fingerprint_of(checkpoint))
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        work = partial(_write_model, config.output.resolve().name)
        (receipt,) = folder.run("export", work, [checkpoint], label="writing")
        return folder.finish(receipt.counts, {"family": family.model_type} | receipt.facts)


def _write_model(name: str, checkpoint: Path, writer: TaskWriter) -> None:
    """Write a model's files, and let them appear once Transformers agrees."""
    trained = open_run(checkpoint, torch.device("cpu"))
    described = trained.description
    family = family_of(described.config)
    with ExitStack() as stack, TemporaryDirectory() as view:

        def opened(file: str) -> Path:
            path = stack.enter_context(writer.file(file))
            (Path(view) / file).symlink_to(path.resolve())
            return path

        for file, content in files(trained, family).items():
            opened(file).write_bytes(content)
        save_weights(trained, family, opened(WEIGHTS))
        pad = trained.tokenizer.pad or 0
        agreement = check(trained.model, Path(view), family, pad, described.longest)
        check_tokenizer(Path(view), trained)
        card = model_card(name, family, described, Training.of(checkpoint), agreement)
        opened("README.md").write_text(card, "utf-8")
    writer.facts = {
        "checkpoint": checkpoint.name,
        "parameters": parameters(described.config, described.vocabulary_size),
        "architecture": family.architecture,
        "largest_difference": agreement.difference,
        "largest_logit": agreement.largest,
    }


def result_text(config: "ExportConfig", manifest: Manifest) -> str:
    """Say what the other program will find."""
    details = manifest.details
    if "architecture" in details:
        return (
            f"{config.output}: {details['architecture']}, {details['parameters']:,} parameters "
            f"({details['checkpoint']}); in Transformers its logits differ by at most "
            f"{details['largest_difference']:.1e} (the largest is {details['largest_logit']:.2f})"
        )
    files = ", ".join(
        f"{name} ({details[name]:,} tokens)" for name in ("train.bin", "val.bin") if name in details
    )
    between = details["separator"]
    behind = "nothing behind" if between is None else f"{between} behind"
    documents = manifest.counts.documents_out
    return f"{config.output}: {files}; {behind} each of {documents:,} documents"
