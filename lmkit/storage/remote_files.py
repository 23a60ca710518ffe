"""Where a file lies: on a disk of this machine, or behind an address that fsspec knows.

    s3://bucket/pages.warc.gz   gs://…, az://…, https://…, memory://…  (pip install 'lmkit[remote]')
    file:///data/pages          the same as /data/pages

Choices:
- An address is kept as a path, in which `//` became `/`; whatever exists on the disk under that
  name comes first.
- What fsspec says of a file (size, ETag, else time) tells whether it is still what was planned;
  where a server says nothing but the size, only the size does. A file without a size is refused:
  nobody could tell whether all of it was read.
- A file that may not be read is quarantined on a disk; behind an address it ends the run, because
  keys expire, and all files behind them would be given up.
"""

import hashlib
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self, cast

from lmkit.config import did_you_mean
from lmkit.errors import InputError, LmkitError

ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*):/+(.+)", re.DOTALL)
VERSIONS = ("ETag", "etag", "md5Hash", "contentHash", "checksum")
TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
"""What file systems call the version of a file, and its time."""
READ_AHEAD = 8 << 20


class State(NamedTuple):
    """What tells a file from what it was: its size, and its time or another sign of change."""

    size: int
    modified: int


def remote(path: str | Path) -> str | None:
    """Return the address that a path stands for, None for one on this machine.

    >>> remote("s3:/bucket/a.jsonl"), remote("books/a.txt")
    ('s3://bucket/a.jsonl', None)
    """
    text = str(path)
    if ":/" not in text or text[0] == "/":
        return None
    found = ADDRESS.fullmatch(text)
    return None if found is None or Path(text).exists() else f"{found[1]}://{found[2]}"


def on_this_machine(path: str) -> str:
    """Return a path without `file://`.

    >>> on_this_machine("file:///data/a.txt")
    '/data/a.txt'
    """
    return "/" + path[5:].lstrip("/") if path.startswith("file:/") else path


def shown(path: str | Path) -> str:
    """Return a path as a person would type it.

    >>> shown("s3:/bucket/a.jsonl"), shown("books/a.txt")
    ('s3://bucket/a.jsonl', 'books/a.txt')
    """
    return remote(path) or str(path)


def state_of(path: str | Path) -> State:
    """Return the state of a file. Raises FileNotFoundError."""
    address = remote(path)
    if address is None:
        found = os.stat(path)
        return State(found.st_size, found.st_mtime_ns)
    with _speaking_of(address):
        system, place = _system(address)
        system.invalidate_cache()
        return _state(address, system.info(place))


def open_file(path: str | Path) -> BinaryIO:
    """Open a file to read bytes from anywhere in it."""
    address = remote(path)
    if address is None:
        return open(path, "rb")
    with _speaking_of(address):
        system, place = _system(address)
        return cast(BinaryIO, _RemoteFile(address, system.open(place, "rb", block_size=READ_AHEAD)))


class _RemoteFile:
    """A file behind an address, whose errors name it."""

    def __init__(self, address: str, file: BinaryIO) -> None:
        self._address = address
        self._file = file

    def read(self, size: int = -1) -> bytes:
        with _speaking_of(self._address):
            return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        with _speaking_of(self._address):
            return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def files_below(path: str, address: str) -> Iterator[tuple[str, str, State]]:
    """Yield the files at an address: each with its path below, which is empty for a file itself.

    Raises InputError where there is nothing, or nobody can be reached.
    """
    try:
        with _speaking_of(address):
            yield from _files_below(path, address)
    except LmkitError as error:
        hint = error.hint if isinstance(error, InputError) else "check the address, and your keys"
        raise InputError(error.message, hint) from None


def _files_below(path: str, address: str) -> Iterator[tuple[str, str, State]]:
    system, place = _system(address)
    try:
        info = system.info(place)
    except FileNotFoundError:
        # fsspec says the same where a web server doesn't answer.
        web = address.startswith(("http:", "https:"))
        what = "nothing there, or its server can't be reached" if web else "no such file or folder"
        raise InputError(f"{address}: {what}") from None
    if info["type"] == "file":
        yield path, "", _state(address, info)
        return
    top = system._strip_protocol(place).rstrip("/")
    for name, inner in sorted(system.find(place, detail=True).items()):
        origin = name.removeprefix(top).lstrip("/")
        yield f"{path.rstrip('/')}/{origin}", origin, _state(f"{address}: {origin}", inner)


def _state(address: str, info: dict[str, Any]) -> State:
    if info.get("size") is None:
        raise InputError(
            f"{address}: the server doesn't say how large it is", "fetch it first, and read that"
        )
    modified = int.from_bytes(hashlib.sha256(_sign_of(info).encode()).digest()[:7])
    return State(int(info["size"]), modified)


def _sign_of(info: dict[str, Any]) -> str:
    """Return what tells a version of a file from others, spelled in one way.

    A listing and a question about one file may spell a time differently, and round it differently:
    it counts only where there is no version.

    >>> _sign_of({"ETag": '"ab"', "created": "2020-01-02"}), _sign_of({"size": 3})
    ('ab', '')
    """
    for name in VERSIONS:
        if info.get(name):
            return str(info[name]).strip('"')
    found = next((info[name] for name in TIMES if info.get(name) is not None), "")
    return str(found.timestamp() if isinstance(found, datetime) else found)


def _system(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and what the address is called there."""
    from fsspec.core import split_protocol, url_to_fs  # no run without such an address needs it
    from fsspec.registry import known_implementations, registry

    known: set[str] = {*known_implementations, *registry}
    protocol = str(split_protocol(address)[0])
    if protocol not in known:
        hint = did_you_mean(protocol, sorted(known))
        raise InputError(f"{address}: no such file, and {protocol}:// is not known{hint}")
    return cast(Any, url_to_fs(address))


@contextmanager
def _speaking_of(address: str) -> Generator[None]:
    """Say what went wrong in terms of the address."""
    try:
        yield
    except (FileNotFoundError, LmkitError):
        raise
    except ImportError as error:
        raise InputError(f"{address}: {error}", "pip install 'lmkit[remote]'") from None
    except Exception as error:  # each file system raises errors of its own
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise LmkitError(
            f"{address}: cannot be read: {reason}",
            "run the same again when it can be reached: finished tasks are kept",
        ) from None
