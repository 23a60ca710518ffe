"""Records of a Python program as the input of `lmkit.clean`.

    work/clean-records/records-00000.jsonl     the records, a line each
    work/clean/                                what clean makes of them

Choices:
- The records are written down first, and then read like any file. So what holds for files holds for
  them: the manifest names them with size and hash, workers share them, a killed run resumes, and
  the folder can be cleaned again without the program.
- Beside the output, since everything in the output folder is made by clean. Plain JSON lines, which
  workers read in ranges; the folder may be deleted once the documents are made.
- They are written to another name first. An iterable that raises, or a killed program, leaves
  nothing behind that looks complete.
- The same records again change no file, so that clean is up to date or resumes. Other records are
  refused where the output was made from the former ones, as a changed file would be.
"""

import shutil
from collections.abc import Iterable, Mapping, Sized
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, cast

from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.manifest import MANIFEST, Manifest
from lmkit.artifacts.tasks import PARTIAL
from lmkit.commands.clean import run
from lmkit.commands.clean.options import CleanConfig
from lmkit.errors import ConfigError, InputError, OutputError
from lmkit.execution.progress import progress
from lmkit.storage.atomic_files import sha256
from lmkit.storage.json_bytes import to_json
from lmkit.storage.remote_files import RemoteFile, file_at

Records = Iterable[Mapping[str, Any]]
FILE_BYTES = 1_000_000_000
"""Size from which a file of records is followed by another one."""
PATTERN = "records-*.jsonl"


def clean(config: CleanConfig, inputs: Records | None = None) -> Manifest:
    """Clean files, or records, into the output folder.

        lmkit.clean(lmkit.CleanConfig(inputs=(Path("raw"),), output=Path("work/clean")))
        lmkit.clean(lmkit.CleanConfig(output=Path("work/clean")), inputs=dataset)

    Args:
        config: the options; without `inputs` in them where records are given.
        inputs: a `datasets.Dataset`, or any iterable of dicts with the text in `text`, or in the
            field that `text_field` or `text_template` of the options names. `id`, `source` and
            `metadata` are read as in a file of JSON lines. It is read once, a record at a time,
            into the folder OUTPUT-records beside the output, which then is the input: the manifest
            has its files and their hashes. The same records again resume a run that was killed.

    Raises ConfigError where both are given, InputError naming the record that isn't a dict, or
    can't be JSON, OutputError where the output was made from other records.

    """
    if inputs is None:
        return run.clean(config)
    if config.inputs or config.inputs_from:
        raise ConfigError("inputs: got records, and files in the options: give one of them")
    folder = written(inputs, config.output, overwrite=config.overwrite)
    return run.clean(config.model_copy(update={"inputs": (folder,)}))


def written(records: Records, output: Path, *, overwrite: bool) -> Path:
    """Write records beside an output folder; return the folder that holds them."""
    if isinstance(found := file_at(output), RemoteFile):
        raise ConfigError(
            f"output: got {found.url}, but records are written to a disk, beside the output",
            "write the records to files, and name those as inputs",
        )
    folder = output.with_name(f"{output.name}-records")
    _refuse_foreign(folder)
    scratch = folder.with_name(f"{folder.name}{PARTIAL}")
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        with folder_lock(scratch, "inputs"):
            _write(records, scratch)
            _publish(scratch, folder, output, overwrite=overwrite)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _refuse_foreign(folder: Path) -> None:
    paths = list(folder.iterdir()) if folder.is_dir() else [folder] if folder.exists() else []
    if others := [path.name for path in paths if not path.match(PATTERN)]:
        raise OutputError(
            f"inputs: {folder} holds what lmkit did not write ({others[0]})",
            "the records are written there: choose another output, or move it away",
        )


def _write(records: Records, scratch: Path) -> None:
    """Write records as JSON lines, in files of a limited size."""
    for path in scratch.glob(PATTERN):
        path.unlink()  # of a program that was killed
    total = len(records) if isinstance(records, Sized) else None
    files, file, size = count(), None, 0
    with ExitStack() as stack, progress("writing records", total, "record") as step:
        for number, record in enumerate(records):
            line = _line(record, number)
            if file is None or size >= FILE_BYTES:
                stack.close()
                path = scratch / f"records-{next(files):05d}.jsonl"
                file, size = stack.enter_context(path.open("wb")), 0
            size += file.write(line)
            step()
    if file is None:
        raise InputError("inputs: no records", "give an iterable that hasn't been read yet")


def _line(record: object, number: int) -> bytes:
    """Return the line of a record."""
    if not isinstance(record, Mapping):
        raise InputError(
            f"inputs: record {number:,} is a {type(record).__name__}, must be a dict",
            "paths go into CleanConfig(inputs=...); of a DatasetDict give one split",
        )
    fields = dict(cast(Mapping[str, Any], record))
    try:
        return to_json(fields)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"inputs: record {number:,} can't be written as JSON: {error}",
            "leave the field out, or make it a text",
        ) from None


def _publish(scratch: Path, folder: Path, output: Path, *, overwrite: bool) -> None:
    """Let the records appear in their folder, unless they are there already."""
    new, old = (sorted(each.glob(PATTERN)) for each in (scratch, folder))
    if [(path.name, sha256(path)) for path in new] == [(path.name, sha256(path)) for path in old]:
        return
    is_used = (output / MANIFEST).exists() or (output / PARTIAL).exists()
    if old and is_used and not overwrite:
        raise OutputError(
            f"inputs: other records than those in {folder}, from which {output} was made",
            "choose another output, or overwrite=True",
        )
    complete = scratch / folder.name
    complete.mkdir()
    for path in new:
        path.rename(complete / path.name)
    if folder.exists():
        shutil.rmtree(folder)
    complete.rename(folder)
