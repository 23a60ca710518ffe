"""What `lmkit eval` scores a model on: packed folders, documents, and task files.

Choice: all of it is found and checked before the model is loaded, so a wrong path or a wrong line
costs no time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.inputs import RECORDS, Inputs, find_documents, folder_input
from lmkit.commands.eval.options import EvalConfig
from lmkit.errors import ConfigError, InputError
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.packing.packed_folder import PackedFolder
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.trained_model import TrainedModel

NO_INPUTS = Inputs((), (), (), {})


@dataclass(frozen=True)
class ScoredInputs:
    """What a model is evaluated on."""

    packed: Mapping[str, PackedFolder]
    """The packed folders by name."""
    documents: Inputs
    tasks: tuple[Task, ...]
    inputs: Inputs
    """The documents, the packed folders and the task files."""


def find_scored_inputs(config: EvalConfig) -> ScoredInputs:
    """Find and check what is read. Raises InputError, and ConfigError if there is nothing."""
    if not config.data and not config.task:
        raise ConfigError(
            "--data: missing, and --task too; give one of them, or both", "see: lmkit eval --help"
        )
    packed: dict[Path, PackedFolder] = {}
    unpacked: list[Path] = []
    for path in dict.fromkeys(config.data):
        if folder := PackedFolder.of(path, finished_manifest(path)):
            check_finished(path, hashes=True, below="validation/")
            packed[path] = folder
        else:
            unpacked.append(path)
    documents = find_documents(unpacked, formats=RECORDS) if unpacked else NO_INPUTS
    inputs = documents
    for path, folder in packed.items():
        inputs = inputs.merged_with(folder_input(path, "data", folder.manifest.fingerprint))
    tasks: tuple[Task, ...] = ()
    if config.task:
        files = read_task_files(config, config.max_record, first_input=len(inputs.records))
        tasks, inputs = files.tasks, inputs.merged_with(files.inputs)
    return ScoredInputs(
        dict(zip(_names(packed), packed.values(), strict=True)), documents, tasks, inputs
    )


def _names(paths: Iterable[Path]) -> list[str]:
    """Return the last parts of paths; the whole paths where these are the same."""
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else list(map(str, paths))


def refuse_other_tokenizer(config: EvalConfig, packed: PackedFolder, trained: TrainedModel) -> None:
    """Raise InputError for a packed folder that a model can't be scored on."""
    if packed.record.tokenizer != trained.description.tokenizer and not Tokenizer.load(
        packed.path / "tokenizer"
    ).encodes_as(trained.tokenizer):
        raise InputError(
            f"--data: {packed.path} was packed with another tokenizer than {config.run}",
            "pack the documents with the run's tokenizer: --tokenizer RUN/tokenizer, or of a "
            "Transformers folder --tokenizer RUN",
        )
    positions, length = trained.description.config.longest, packed.record.sequence_length
    if positions is not None and length > positions:
        raise InputError(
            f"--data: {packed.path} has sequences of {length:,} tokens, and {config.run} has "
            f"learned {positions:,} positions",
            "pack with a shorter --sequence-length",
        )
    if not packed.record.validation:
        raise InputError(
            f"--data: {packed.path} has no held-out sequences",
            "pack with --validation, or give a folder of documents",
        )
