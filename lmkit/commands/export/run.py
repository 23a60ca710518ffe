"""Export: write lmkit's results in the formats of other programs.

    work/packed    train.bin, val.bin: nanoGPT's token files
    work/run       a folder for Transformers: model.safetensors, config.json, tokenizer, README.md

Choices:
- The output format depends on the input.
- nanoGPT's files don't record their tokenizer, so the manifest in the same folder does, and the id
  between documents.
- Documents are written in the order in which they are stored, without BOS and EOS: the separator
  takes their place.
- A model's files appear once Transformers has loaded them and has computed the same logits.
- Learned positions that were never trained are left out (`trained_positions.py`).
- Weights are written in fp32, as they were trained: other precisions can be chosen on loading.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from lmkit.artifacts.finished_folders import check_finished
from lmkit.artifacts.inputs import folder_input
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.output_folder import OutputFolder, open_output
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.export.export_record import ExportedModel, ExportedTokens
from lmkit.commands.export.model_card import Training, model_card
from lmkit.commands.export.options import LARGEST_VOCABULARY, ExportConfig
from lmkit.commands.export.trained_positions import with_trained_positions
from lmkit.commands.export.transformers_folder import WEIGHTS, check_tokenizer, files, save_weights
from lmkit.errors import ConfigError, InputError
from lmkit.execution.progress import warn
from lmkit.huggingface.parity_check import check, need_transformers
from lmkit.huggingface.registry import family_of, refuse_padding
from lmkit.model.cost import parameters
from lmkit.packing.nanogpt_bin import write_tokens
from lmkit.packing.packed_folder import PackedFolder
from lmkit.packing.token_shards import Shards
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.trained_model import (
    TOKENIZER,
    find_run,
    fingerprint_of,
    open_run,
    read_description,
)

FILES = {"train": "train.bin", "validation": "val.bin"}
"""nanoGPT's names of the splits."""


def export(config: ExportConfig) -> Manifest:
    """Write the files of another program."""
    if len(config.inputs) != 1:
        raise InputError(f"INPUTS: got {len(config.inputs)}, must be one run or packed folder")
    path = config.inputs[0]
    if _is_a_run(path):
        return _export_model(config, path)
    packed = _packed(path)
    separator = _separator(config, packed)
    check_finished(packed.path, hashes=True)
    inputs = folder_input(packed.path, "packed", packed.manifest.fingerprint)
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        return _write(config, folder, packed, separator)


def _packed(path: Path) -> PackedFolder:
    packed = PackedFolder.at(path, "give a folder made by lmkit pretrain or lmkit pack")
    size = packed.record.vocabulary_size
    if size > LARGEST_VOCABULARY:
        raise InputError(
            f"{path}: its vocabulary has {size:,} entries, and nanoGPT's files have ids of "
            f"16 bits: at most {LARGEST_VOCABULARY:,}",
            "pack with a smaller vocabulary: lmkit train-tokenizer --vocab-size",
        )
    return packed


def _separator(config: ExportConfig, packed: PackedFolder) -> int | None:
    if config.separator != "eos":
        return config.separator

    eos = packed.record.eos
    eos = Tokenizer.load(packed.path / "tokenizer").eos if eos is None else eos
    if eos is None:
        raise ConfigError(
            f"--separator: {packed.path} has no EOS token",
            "give an id that no text has, or none: --separator",
        )
    return eos


def _write(
    config: ExportConfig, folder: OutputFolder, packed: PackedFolder, separator: int | None
) -> Manifest:
    record = packed.record
    splits = [split for split in FILES if record.split(split)]
    if "validation" not in splits:
        warn(f"{packed.path} has no held-out split, so there is no val.bin")
    task = WriteSplit(packed.path, record.bos is not None, record.eos is not None, separator)
    receipts = folder.run("export", task, splits, workers=config.workers, label="writing")
    sizes = {receipt.facts["side"]: receipt.counts.more["tokens"] for receipt in receipts}
    exported = ExportedTokens.model_validate(
        {
            "separator": separator,
            "tokenizer": record.tokenizer,
            "vocabulary_size": record.vocabulary_size,
            **sizes,
        }
    )
    counts = Counts.total(receipt.counts for receipt in receipts)
    return folder.finish(counts, exported.recorded())


@dataclass(frozen=True)
class WriteSplit:
    """The task of a split: write the tokens of its documents to one file."""

    packed: Path
    has_bos: bool
    has_eos: bool
    separator: int | None

    def __call__(self, split: str, writer: TaskWriter) -> None:
        """Write the file of `train` or `validation`."""
        shards, bos_eos = Shards.at(self.packed / split), (self.has_bos, self.has_eos)
        with writer.file(FILES[split]) as path, path.open("wb") as file:
            documents, tokens = write_tokens(shards, bos_eos, self.separator, file)
        more = {"tokens": tokens}
        writer.counts = Counts(documents_in=documents, documents_out=documents, more=more)
        writer.facts = {"side": FILES[split]}


def _is_a_run(path: Path) -> bool:
    """Return whether this is a run or a checkpoint, before torch is needed."""
    return (path / "model.json").is_file() or path.resolve().parent.name == "checkpoints"


def _export_model(config: ExportConfig, path: Path) -> Manifest:
    run, checkpoint = find_run(path)
    description = read_description(run)
    family = family_of(description.config)
    if description.config.first_position:
        refuse_padding(description.config, Tokenizer.load(run / TOKENIZER).pad)
    need_transformers()
    if config.separator != "eos":
        raise ConfigError("--separator: has a meaning only for a packed folder", "leave it out")
    inputs = folder_input(path, "run", fingerprint_of(checkpoint))
    with open_output(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        task = partial(_write_model, config.output.resolve().name)
        (receipt,) = folder.run("export", task, [checkpoint], label="writing")
        return folder.finish(receipt.counts, {"family": family.model_type} | receipt.facts)


def _write_model(name: str, checkpoint: Path, writer: TaskWriter) -> None:
    """Write a model's files, and let them appear once Transformers computes the same logits."""
    trained = with_trained_positions(open_run(checkpoint, torch.device("cpu")))
    description = trained.description
    family = family_of(description.config)
    with ExitStack() as stack, TemporaryDirectory() as folder_view:

        def open_file(file: str) -> Path:
            path = stack.enter_context(writer.file(file))
            (Path(folder_view) / file).symlink_to(path.resolve())
            return path

        for file, content in files(trained, family).items():
            open_file(file).write_bytes(content)
        save_weights(trained, family, open_file(WEIGHTS))
        pad = trained.tokenizer.pad or 0
        parity = check(trained.model, Path(folder_view), family, pad, description.longest)
        check_tokenizer(Path(folder_view), trained)
        card = model_card(name, family, description, Training.of(checkpoint), parity)
        open_file("README.md").write_text(card, "utf-8")
    writer.facts = ExportedModel(
        checkpoint=checkpoint.name,
        parameters=parameters(description.config, description.vocabulary_size),
        architecture=family.architecture,
        largest_difference=parity.difference,
        largest_logit=parity.largest,
    ).recorded()


def result_text(config: "ExportConfig", manifest: Manifest) -> str:
    """Return a line about the exported files."""
    if "architecture" in manifest.details:
        model = ExportedModel.from_manifest(manifest, config.output)
        return (
            f"{config.output}: {model.architecture}, {model.parameters:,} parameters "
            f"({model.checkpoint}); in Transformers its logits differ by at most "
            f"{model.largest_difference:.1e} (the largest is {model.largest_logit:.2f})"
        )
    tokens = ExportedTokens.from_manifest(manifest, config.output)
    sizes = {"train.bin": tokens.train, "val.bin": tokens.validation}
    files = ", ".join(f"{name} ({size:,} tokens)" for name, size in sizes.items() if size)
    after = "nothing after" if tokens.separator is None else f"{tokens.separator} after"
    documents = manifest.counts.documents_out
    return f"{config.output}: {files}; {after} each of {documents:,} documents"
