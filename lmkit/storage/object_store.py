"""A folder in an object store, to which whole files are written.

    s3://bucket/clean        tried with s3fs; other file systems of fsspec may work

Choices:
- An object appears complete or not at all. A large file is sent in parts, which are no object until
  the last is there; parts of an upload that fails are dropped.
- One listing answers what is there, for any number of files: name, size, and the ETag, which of an
  object that was sent in one part is the MD5 of its content.
- Credentials and the address of the server come from the environment (AWS_ENDPOINT_URL, for one)
  or fsspec's own configuration: never from an option, and nothing records them.
"""

import hashlib
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lmkit.errors import InputError, LmkitError, OutputError
from lmkit.extras import installation
from lmkit.storage.remote_files import PACKAGES, errors_name, file_system_at
from lmkit.storage.request_retries import COUNTS, with_retries
from lmkit.storage.s3_requests import PROTOCOLS, count_requests, s3_options

ResultT = TypeVar("ResultT")
MD5 = re.compile(r"[0-9a-f]{32}")


class StoredFile(NamedTuple):
    """What a listing shows of a file."""

    size: int
    md5: str
    """Of its content; empty where the store doesn't report it."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A folder at a URL. Names are paths below it, with slashes."""

    url: str
    """Without a slash at its end."""
    retries: int
    """How often a request is repeated."""

    def connect(self) -> None:
        """Load what the store needs. Raises OutputError if it is missing, or unknown."""
        try:
            _file_system(self.url, self.retries)
        except ImportError as error:
            package = PACKAGES.get(self.url.partition(":")[0])
            hint = f"{installation(package)}; or " if package else ""
            raise OutputError(
                f"--output: {self.url}: {error}", f"{hint}write to a folder on a disk"
            ) from None
        except InputError as error:
            raise OutputError(f"--output: {error.message}", error.hint) from None

    def listing(self) -> dict[str, StoredFile]:
        """Return all files of the folder."""

        def listed(file_system: Any, top: str) -> dict[str, StoredFile]:
            file_system.invalidate_cache()
            try:
                entries = file_system.find(top, detail=True)
            except FileNotFoundError:
                return {}
            inside = f"{file_system._strip_protocol(top).rstrip('/')}/"
            return {
                name.removeprefix(inside): StoredFile(int(info["size"] or 0), _md5(info))
                for name, info in entries.items()
                if info["type"] == "file" and name.startswith(inside) and name != inside
            }

        return self._request("listed", "", listed)

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file, None if there is none of this name."""
        with suppress(FileNotFoundError):
            return self._request("read", name, lambda system, path: system.cat_file(path))
        return None

    def put(self, file: Path, name: str) -> None:
        """Upload a file, in place of any other of this name."""
        with self._missing_bucket_named():
            self._request("written", name, lambda system, path: system.put_file(str(file), path))

    def write(self, name: str, data: bytes) -> None:
        """Write a small file, in place of any other of this name."""
        with self._missing_bucket_named():
            self._request("written", name, lambda system, path: system.pipe_file(path, data))

    def create(self, name: str, data: bytes) -> None:
        """Write a small file unless there is one of this name: which it is, is to be read."""

        def written(system: Any, path: str) -> None:
            with suppress(FileExistsError):
                system.pipe_file(path, data, mode="create")

        with self._missing_bucket_named():
            self._request("written", name, written)

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        with suppress(FileNotFoundError):
            self._request("deleted", name, lambda system, path: system.rm_file(path))

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file's content, reading all of it."""

        def hashed(system: Any, path: str) -> str:
            with system.open(path, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

        return self._request("read", name, hashed)

    def url_of(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.url}/{name}" if name else self.url

    def _request(self, done: str, name: str, request: Callable[[Any, str], ResultT]) -> ResultT:
        """Call `request` with the file system and a path in it. Raises LmkitError, naming both."""
        with errors_name(self.url_of(name), done):
            system, top = _file_system(self.url, self.retries)
            path = f"{top.rstrip('/')}/{name}" if name else top
            # botocore repeats and counts the requests to S3; what it gave up is tried once more.
            counts, repetitions = (None, 1) if _is_s3(self.url) else (COUNTS, self.retries)
            return with_retries(lambda: request(system, path), repetitions, counts=counts)

    @contextmanager
    def _missing_bucket_named(self) -> Generator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise LmkitError(f"{self.url}: {error}", "create the bucket, or name another") from None


@cache
def _file_system(url: str, retries: int) -> tuple[Any, str]:
    """Return the file system of a URL, whose requests are repeated so often, and the path in it."""
    if not _is_s3(url):
        return file_system_at(url)
    system, top = file_system_at(url, **s3_options(retries))
    count_requests(system)
    return system, top


def _is_s3(url: str) -> bool:
    return url.partition(":")[0] in PROTOCOLS


def _md5(info: dict[str, Any]) -> str:
    etag = str(info.get("ETag") or "").strip('"')
    return etag if MD5.fullmatch(etag) else ""


def md5(path: Path) -> str:
    """Return the MD5 of a file's content, as stores report it: nothing is secured by it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
