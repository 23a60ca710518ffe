"""Files on a disk of this machine, or at a URL that fsspec supports.

    s3://bucket/pages.warc.gz   gs://…, az://…, https://…, memory://…
    file:///data/pages          the same as /data/pages

Choices:
- A URL is kept as a path, in which `//` became `/`; a file on the disk with that name takes
  precedence.
- The metadata that fsspec returns for a file (size, ETag, else time) show whether the file has
  changed since the work was planned; if a server returns only the size, only the size is compared.
  A file without a size is refused: nothing would show whether it was read completely.
- An unreadable file is quarantined if it is on a disk; at a URL it ends the run, because
  credentials expire, and all files that need them would be lost.
"""

import hashlib
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self, cast

from lmkit.errors import InputError, LmkitError
from lmkit.extras import installation
from lmkit.suggestions import did_you_mean

URL_PATTERN = re.compile(r"([a-z][a-z0-9+.-]*):/+(.+)", re.DOTALL)
VERSIONS = ("ETag", "etag", "md5Hash", "contentHash", "checksum")
TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
"""The names that file systems use for the version and the time of a file."""
READ_AHEAD = 8 << 20
EXPIRED = "FileExpired"
"""What s3fs raises where a file has another version than when it was opened."""
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "http": "aiohttp", "https": "aiohttp"}
"""What reads a protocol, of lmkit's optional packages; fsspec's errors name the others."""


class State(NamedTuple):
    """What shows whether a file has changed: its size, and its time or another version number."""

    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class DiskFile:
    """A path on this machine."""

    path: str

    @property
    def shown(self) -> str:
        """The path."""
        return self.path

    def state(self) -> State:
        """Return the state of the file. Raises FileNotFoundError."""
        found = os.stat(self.path)
        return State(found.st_size, found.st_mtime_ns)

    def open(self) -> BinaryIO:
        """Open the file to read bytes at any offset."""
        return open(self.path, "rb")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file or folder at a URL."""

    path: str
    """The URL as a path, in which `//` may be `/`."""
    url: str

    @property
    def shown(self) -> str:
        """The URL."""
        return self.url

    def state(self) -> State:
        """Return the state of the file. Raises FileNotFoundError."""
        with errors_name(self.url):
            file_system, inner_path = file_system_at(self.url)
            file_system.invalidate_cache()
            return _state(self.url, file_system.info(inner_path))

    def time(self) -> datetime | None:
        """Return when the file was written, in local time; None if that is unknown."""
        with errors_name(self.url):
            file_system, inner_path = file_system_at(self.url)
            info = file_system.info(inner_path)
        found = next((info[name] for name in TIMES if isinstance(info.get(name), datetime)), None)
        return found.astimezone().replace(tzinfo=None) if found else None

    def open(self) -> BinaryIO:
        """Open the file to read bytes at any offset."""
        with errors_name(self.url):
            file_system, inner_path = file_system_at(self.url)
            file = file_system.open(inner_path, "rb", block_size=READ_AHEAD)
            return cast(BinaryIO, _RemoteStream(self.url, file))

    def files_below(self) -> Iterator[tuple[str, str, State]]:
        """Yield all files: each with its path below this one, which is empty if it is a file.

        Raises InputError if there is nothing, or the server can't be reached.
        """
        try:
            with errors_name(self.url):
                yield from _files_below(self.path, self.url)
        except LmkitError as error:
            is_input = isinstance(error, InputError)
            hint = error.hint if is_input else "check the URL and your credentials"
            raise InputError(error.message, hint) from None


def file_at(path: str | Path) -> DiskFile | RemoteFile:
    """Return what a path names: nothing else asks whether it is a URL.

    >>> file_at("s3:/bucket/a.jsonl").shown, file_at("books/a.txt")
    ('s3://bucket/a.jsonl', DiskFile(path='books/a.txt'))
    """
    text = str(path)
    if ":/" not in text or text[0] == "/":
        return DiskFile(text)
    found = URL_PATTERN.fullmatch(text)
    if found is None or Path(text).exists():
        return DiskFile(text)
    return RemoteFile(text, f"{found[1]}://{found[2]}")


def without_file_scheme(path: str) -> str:
    """Return a path without `file://`.

    >>> without_file_scheme("file:///data/a.txt")
    '/data/a.txt'
    """
    return "/" + path[5:].lstrip("/") if path.startswith("file:/") else path


def shown(path: str | Path) -> str:
    """Return a path as a person would type it.

    >>> shown("s3:/bucket/a.jsonl"), shown("books/a.txt")
    ('s3://bucket/a.jsonl', 'books/a.txt')
    """
    return file_at(path).shown


def state_of(path: str | Path) -> State:
    """Return the state of a file. Raises FileNotFoundError."""
    return file_at(path).state()


def time_of(path: str | Path) -> datetime | None:
    """Return when a file was written, in local time; None if its server doesn't report it."""
    found = file_at(path)
    if isinstance(found, DiskFile):
        return datetime.fromtimestamp(os.stat(path).st_mtime)
    return found.time()


def open_file(path: str | Path) -> BinaryIO:
    """Open a file to read bytes at any offset."""
    return file_at(path).open()


def version_read(file: BinaryIO) -> State | None:
    """Return the state of an open file if all of it is read of one version, else None."""
    return file.version if isinstance(file, _RemoteStream) else None


class _RemoteStream:
    """A file at a URL, whose errors name it."""

    def __init__(self, url: str, file: BinaryIO) -> None:
        self._url = url
        self._file = file

    @property
    def version(self) -> State | None:
        """The state of the version that is read; None where the server may send another.

        s3fs asks for the version that it has opened, and fails if there is another by now.
        """
        file: Any = self._file
        is_one = "IfMatch" in getattr(file, "read_kw", {})
        return _state(self._url, file.details) if is_one else None

    def read(self, size: int = -1) -> bytes:
        with errors_name(self._url):
            try:
                return self._file.read(size)
            except OSError as error:
                if type(error).__name__ != EXPIRED:
                    raise
                raise LmkitError(
                    f"{self._url}: it has changed while it was read",
                    "run again when nothing writes to it any more; --overwrite starts from scratch",
                ) from None

    def seek(self, offset: int, whence: int = 0) -> int:
        with errors_name(self._url):
            return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _files_below(path: str, url: str) -> Iterator[tuple[str, str, State]]:
    file_system, inner_path = file_system_at(url)
    try:
        info = file_system.info(inner_path)
    except FileNotFoundError:
        # fsspec raises the same error if a web server doesn't answer.
        web = url.startswith(("http:", "https:"))
        what = "nothing there, or its server can't be reached" if web else "no such file or folder"
        raise InputError(f"{url}: {what}") from None
    if info["type"] == "file":
        yield path, "", _state(url, info)
        return
    top = file_system._strip_protocol(inner_path).rstrip("/")
    for name, inner in sorted(file_system.find(inner_path, detail=True).items()):
        origin = name.removeprefix(top).lstrip("/")
        yield f"{path.rstrip('/')}/{origin}", origin, _state(f"{url}: {origin}", inner)


def _state(url: str, info: dict[str, Any]) -> State:
    if info.get("size") is None:
        raise InputError(
            f"{url}: the server doesn't report its size",
            "download it first, and read the local copy",
        )
    modified = int.from_bytes(hashlib.sha256(_version_of(info).encode()).digest()[:7])
    return State(int(info["size"]), modified)


def _version_of(info: dict[str, Any]) -> str:
    """Return what identifies a version of a file, in canonical form.

    A listing and a request for one file may format and round a time differently: it is used only if
    there is no version.

    >>> _version_of({"ETag": '"ab"', "created": "2020-01-02"}), _version_of({"size": 3})
    ('ab', '')
    """
    for name in VERSIONS:
        if info.get(name):
            return str(info[name]).strip('"')
    found = next((info[name] for name in TIMES if info.get(name) is not None), "")
    return str(found.timestamp() if isinstance(found, datetime) else found)


def file_system_at(url: str, **options: Any) -> tuple[Any, str]:
    """Return the file system of a URL, and the path of the URL in it.

    Raises InputError for a protocol that fsspec doesn't know.
    """
    from fsspec.core import split_protocol, url_to_fs  # needed only for URLs
    from fsspec.registry import known_implementations, registry

    known: set[str] = {*known_implementations, *registry}
    protocol = str(split_protocol(url)[0])
    if protocol not in known:
        hint = did_you_mean(protocol, sorted(known))
        raise InputError(f"{url}: no such file, and {protocol}:// is not known{hint}")
    return cast(Any, url_to_fs(url, **options))


@contextmanager
def errors_name(url: str, done: str = "read") -> Generator[None]:
    """Name the URL in errors, and what couldn't be `done` with it."""
    try:
        yield
    except (FileNotFoundError, LmkitError):
        raise
    except ImportError as error:
        package = PACKAGES.get(url.partition(":")[0])
        install = f"{installation(package)}; or " if package else ""
        raise InputError(f"{url}: {error}", f"{install}leave out what is at {url}") from None
    except Exception as error:  # every file system raises different errors
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise LmkitError(
            f"{url}: cannot be {done}: {reason}",
            "run the same again when it can be reached: finished tasks are kept",
        ) from None
