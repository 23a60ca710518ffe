"""What clean reads: documents, and what its options name."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.inputs import Inputs, find_documents, folder_input
from lmkit.artifacts.manifest import Input
from lmkit.commands.clean.options import CleanConfig
from lmkit.errors import InputError
from lmkit.filters.quality_classifier import QualityClassifier
from lmkit.readers.dispatch import check_libraries, missing_library
from lmkit.storage.formats import formats_with
from lmkit.text.word_list_files import read_entries


def find_inputs(config: CleanConfig) -> Inputs:
    """Return all inputs, checked before anything is written."""
    formats = formats_with(config.read.added)
    inputs = find_documents(
        config.inputs,
        config.inputs_from,
        formats=formats.by_name,
        forced=config.format,
        source=config.source,
        known=formats,
        exclude=config.exclude,
    ).merged_with(word_lists_as_inputs(config.filters.list_files()))
    if any(map(missing_library, inputs.formats())):
        check_libraries(inputs.slices)
    if config.filters.classifier:
        inputs = inputs.merged_with(_classifier(config.filters.classifier))
    if config.text_template is not None:
        _check_fields(inputs, formats.with_fields)
    return inputs


def _check_fields(inputs: Inputs, with_fields: set[str]) -> None:
    """Raise InputError for a file whose format has no fields that a template could name."""
    for part in inputs.slices:
        if part.format not in with_fields:
            raise InputError(
                f"--text-template: {part.location} is read as {part.format}, which has no fields",
                f"formats with fields: {', '.join(sorted(with_fields))}; clean others separately",
            )


def _classifier(path: Path) -> Inputs:
    """Return the classifier as an input, so that a change of it is detected."""
    QualityClassifier.load(path)  # what isn't one is refused before anything is written
    manifest = finished_manifest(path)
    if manifest is None or manifest.stage != "train-classifier":
        raise InputError(
            f"--filters.classifier: {path} was not made by lmkit train-classifier",
            "name a folder that it wrote",
        )
    check_finished(path, hashes=True)
    return folder_input(path, "classifier", manifest.fingerprint)


def word_lists_as_inputs(named: Iterable[tuple[str, Path]]) -> Inputs:
    """Return list files, each with the option that names it, as inputs to compare and record."""
    records: list[Input] = []
    for option, path in named:
        read_entries(path, option)
        state = path.stat()
        records.append(
            Input(
                path=str(path),
                source=option,
                origin=path.name,
                bytes=state.st_size,
                modified=state.st_mtime_ns,
                sha256=(sha256(path.read_bytes()).hexdigest(),),
            )
        )
    return Inputs(tuple(record.path for record in records), tuple(records), (), {})
