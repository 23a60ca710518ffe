"""Prompts from a file or from standard input, checked before anything is generated.

Choices:
- Plain text has a prompt on each line, as `--prompt` takes it: an empty line is an empty prompt. A
  .jsonl file has an object on each line, with the text `prompt` and, for a middle, `suffix`; its
  other fields are ignored, and so are blank lines.
- The file is read twice, to check it and to generate, and a line at a time: it may hold any number
  of prompts. What can't be read twice, such as a pipe, is copied to a temporary file first.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self, cast

from lmkit.errors import ConfigError, InputError
from lmkit.storage.json_bytes import from_json
from lmkit.suggestions import did_you_mean

BOM = b"\xef\xbb\xbf"
STDIN = "-"
LONGEST_LINE = 16 * 2**20
"""Bytes. A file without line ends isn't one of prompts."""


@dataclass(frozen=True)
class PromptLine:
    """A prompt, its suffix, and where they were read; None for those that were typed."""

    prompt: str
    suffix: str
    location: str | None = None


class PromptsFile:
    """An open file of prompts; it may be iterated several times."""

    def __init__(self, path: Path, option: str = "--prompts") -> None:
        """Open a file; `option` names it in errors. Raises ConfigError."""
        self.name = "stdin" if str(path) == STDIN else str(path)
        self.is_json = path.suffix.lower() == ".jsonl"
        is_stdin = str(path) == STDIN
        self._file = _opened(path, option)
        if is_stdin or not self._file.seekable():
            with (
                nullcontext(self._file) if is_stdin else self._file as file
            ):  # standard input stays open
                self._file = _copied(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[PromptLine]:
        """Yield the prompts. Raises InputError naming the first line that isn't one."""
        self._file.seek(0)
        number = 0
        while data := self._file.readline(LONGEST_LINE + 1):
            number += 1
            location = f"{self.name}:{number}"
            if len(data.removesuffix(b"\n")) > LONGEST_LINE:
                raise InputError(f"{location}: longer than {LONGEST_LINE:,} bytes")
            if number == 1:
                data = data.removeprefix(BOM)
            text = _decoded(data.removesuffix(b"\n").removesuffix(b"\r"), location)
            if not self.is_json:
                yield PromptLine(text, "", location)
            elif text.strip():
                yield _from_json(text, location)


def _opened(path: Path, option: str) -> IO[bytes]:
    try:
        return sys.stdin.buffer if str(path) == STDIN else path.open("rb")
    except OSError as error:
        raise ConfigError(
            f"{option}: cannot read {path}: {error.strerror}",
            "give a text with a prompt on each line, a .jsonl file, or - for standard input",
        ) from None


def _copied(file: IO[bytes]) -> IO[bytes]:
    copy = cast(IO[bytes], TemporaryFile())  # noqa: SIM115 (the caller closes it)
    shutil.copyfileobj(file, copy)
    return copy


def _decoded(data: bytes, location: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{location}: not UTF-8: {error.reason} at byte {error.start}",
            "convert it, or decompress it",
        ) from None


def _from_json(text: str, location: str) -> PromptLine:
    try:
        fields = from_json(text.encode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location}: not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise InputError(f'{location}: not a JSON object, such as {{"prompt": "The"}}')
    record = cast(dict[str, Any], fields)
    if "prompt" not in record:
        names = ", ".join(record) or "nothing"
        raise InputError(
            f"{location}: no field 'prompt', only {names}{did_you_mean('prompt', record)}"
        )
    prompt, suffix = record["prompt"], record.get("suffix")
    for name, value in (("prompt", prompt), ("suffix", "" if suffix is None else suffix)):
        if not isinstance(value, str):
            raise InputError(f"{location}: '{name}' is not a text")
    return PromptLine(prompt, suffix or "", location)
