"""A store in this process, by fsspec, that is busy at times, cuts uploads and hides new files."""

import errno
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from lmkit.storage import request_retries


class FaultyFileSystem(MemoryFileSystem):
    """`faulty://bucket/…`: every `busy`-th request is refused, and the first uploads are cut."""

    protocol = "faulty"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    counts: ClassVar[Counter[str]] = Counter()
    busy: ClassVar[int | None] = None
    cuts: ClassVar[int] = 0
    damages: ClassVar[str | None] = None
    """The end of the name of a file that arrives with other content."""

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return super()._strip_protocol(str(path).removeprefix("faulty://"))

    def _request(self, kind: str) -> None:
        counts = type(self).counts
        counts["requests"] += 1
        counts[kind] += 1
        if self.busy and counts["requests"] % self.busy == 0:
            counts["refused"] += 1
            raise OSError(errno.EBUSY, "Please reduce your request rate.")

    def find(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        self._request("find")
        return super().find(path, *args, **kwargs)

    def cat_file(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        self._request("cat")
        return super().cat_file(path, *args, **kwargs)

    def put_file(self, lpath: Any, rpath: Any, *args: Any, **kwargs: Any) -> Any:
        self._request("put")
        if self.counts["cut"] < self.cuts:
            type(self).counts["cut"] += 1
            raise ConnectionResetError("cut in its middle")
        super().put_file(lpath, rpath, *args, **kwargs)
        if self.damages and str(rpath).endswith(self.damages):
            path = self._strip_protocol(rpath)
            data = self.store[path].getvalue()
            self.store[path].seek(0)
            self.store[path].write(bytes(len(data)))

    def pipe_file(self, path: Any, value: Any, mode: str = "overwrite", **kwargs: Any) -> Any:
        self._request("pipe")
        return super().pipe_file(path, value, mode=mode, **kwargs)

    def rm_file(self, path: Any) -> None:
        self._request("remove")
        super()._rm(path)

    @classmethod
    def names(cls) -> list[str]:
        return sorted(name.lstrip("/") for name in cls.store)

    @classmethod
    def contents(cls, folder: str) -> dict[str, bytes]:
        """Return every file of a folder except the manifest, whose times differ."""
        inside = f"/{folder}/"
        return {
            name.removeprefix(inside): file.getvalue()
            for name, file in sorted(cls.store.items())
            if name.startswith(inside) and name != f"{inside}manifest.json"
        }


@contextmanager
def faulty_store(monkeypatch: Any) -> Generator[type[FaultyFileSystem]]:
    """Register the store; pauses before repetitions are left out."""
    fsspec.register_implementation("faulty", FaultyFileSystem, clobber=True)
    monkeypatch.setattr(request_retries, "FIRST_PAUSE", 0.0)
    FaultyFileSystem.store.clear()
    FaultyFileSystem.counts.clear()
    for name in ("busy", "cuts", "damages"):
        monkeypatch.setattr(FaultyFileSystem, name, {"cuts": 0}.get(name))
    yield FaultyFileSystem
    FaultyFileSystem.store.clear()
