"""A lease: a lock where the system has none, as in an object store.

    .lease    {"owner": …, "host": …, "process": …, "renewed": …}

Choices:
- A run creates the file unless it is there, and reads it back: whose it is then has the lease.
- It is renewed every minute. One that wasn't renewed for ten is of a run that has ended, and is
  taken over. So clocks of machines may differ by minutes, and a run that was killed on another
  machine keeps its folder for ten; one of this machine, whose process has ended, for no time.
- A run that was stopped for longer may find that another one has taken its lease: it ends before
  it publishes anything.
- Between two runs that take over one lease at the same moment, the file decides, which each of them
  reads again a little later.
"""

import json
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from lmkit.errors import LmkitError, OutputError
from lmkit.storage.json_bytes import from_json

LEASE = ".lease"
RENEWED_EVERY = 60.0
STALE_AFTER = 600.0
SETTLED_AFTER = 2.0
ENDS_WITHIN = 10.0
"""Seconds."""


class LeaseFile(Protocol):
    """Where a lease is written."""

    def read(self) -> bytes | None:
        """Return its content, None if there is none."""
        ...

    def create(self, data: bytes) -> None:
        """Write it, unless there is one."""
        ...

    def replace(self, data: bytes) -> None:
        """Write it, in place of the one that is there."""
        ...

    def remove(self) -> None:
        """Delete it, if it is there."""
        ...


@dataclass(frozen=True)
class LeaseRecord:
    """Whose lease it is."""

    owner: str
    """A random number of the run."""
    host: str
    machine: str
    """Identifies the machine since it was started, and the space of its process numbers."""
    process: int
    renewed: float
    """In seconds since 1970."""

    @classmethod
    def of_this_run(cls) -> "LeaseRecord":
        """Return a new record."""
        owner = secrets.token_hex(8)
        return cls(owner, socket.gethostname(), _machine(), os.getpid(), time.time())

    @classmethod
    def parsed(cls, data: bytes | None) -> "LeaseRecord | None":
        """Return what a file holds, None for nothing, or for what is none."""
        if data is None:
            return None
        try:
            found = cast(dict[str, Any], from_json(data))
            record = cls(
                *(str(found[name]) for name in ("owner", "host", "machine")),
                process=int(found["process"]),
                renewed=float(found["renewed"]),
            )
        except (ValueError, KeyError, TypeError, OverflowError):
            return None
        is_possible = 0 < record.process < 1 << 31 and math.isfinite(record.renewed)
        return record if is_possible else None

    @property
    def has_ended(self) -> bool:
        """Whether the run doesn't renew it any more."""
        if time.time() - self.renewed > STALE_AFTER:
            return True
        return bool(self.machine) and self.machine == _machine() and not _is_alive(self.process)

    def to_json(self) -> bytes:
        """Return what is written."""
        return json.dumps(asdict(self)).encode()


class Lease:
    """A lease that this run has."""

    def __init__(self, file: LeaseFile, record: LeaseRecord, shown: str) -> None:
        self._file = file
        self._record = record
        self._shown = shown
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._renew, daemon=True, name="lease")
        self._renewal.start()

    def check(self) -> None:
        """Raise LmkitError if another run has taken it over."""
        found = LeaseRecord.parsed(self._file.read())
        if found is None or found.owner != self._record.owner:
            by = f" on {found.host} (process {found.process})" if found else ""
            raise LmkitError(
                f"{self._shown}: another run{by} took this folder over, since this one had stopped "
                "for minutes",
                "nothing of it is published: let the other one end, or end it, and run this again",
            )

    def release(self) -> None:
        """Give it back."""
        self._ended.set()
        self._renewal.join(ENDS_WITHIN)
        with suppress(LmkitError):  # it ends by itself
            found = LeaseRecord.parsed(self._file.read())
            if found and found.owner == self._record.owner:
                self._file.remove()

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED_EVERY):
            # A store that doesn't answer now may do so before the lease is stale.
            with suppress(LmkitError, OSError):
                self.check()
                self._file.replace(replace(self._record, renewed=time.time()).to_json())


@contextmanager
def held_lease(file: LeaseFile, shown: str, option: str = "--output") -> Generator[Lease]:
    """Hold the lease of a folder. Raises OutputError if another run has it; `option` named it."""
    record = LeaseRecord.of_this_run()
    found = LeaseRecord.parsed(file.read())
    if found and found.has_ended and LeaseRecord.parsed(file.read()) == found:
        file.remove()
        file.create(record.to_json())
        time.sleep(SETTLED_AFTER)
    else:
        file.create(record.to_json())
    data = file.read()
    found = LeaseRecord.parsed(data)
    if found is None or found.owner != record.owner:
        raise OutputError(f"{option}: {shown}: another run is writing this folder", _hint(found))
    lease = Lease(file, record, shown)
    try:
        yield lease
    finally:
        lease.release()


def _hint(found: LeaseRecord | None) -> str:
    if found is None:
        return f"its {LEASE} holds something else: delete that, or choose another folder"
    age = max(0, round(time.time() - found.renewed))
    return (
        f"wait until it ends: process {found.process} on {found.host}, last active {age} s ago; if "
        f"it was killed, the folder is free {STALE_AFTER / 60:.0f} minutes after that"
    )


@cache
def _machine() -> str:
    """Return what identifies this machine since its start; empty where that is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class DiskLease:
    """A lease in a folder on a disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LEASE

    def read(self) -> bytes | None:
        """Return its content, None if there is none."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def create(self, data: bytes) -> None:
        """Write it, unless there is one: the file appears with its content."""
        temporary = self._temporary(data)
        try:
            os.link(temporary, self._path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            with suppress(FileExistsError), self._path.open("xb") as file:
                file.write(data)
        temporary.unlink()

    def replace(self, data: bytes) -> None:
        """Write it, in place of the one that is there."""
        self._temporary(data).replace(self._path)

    def remove(self) -> None:
        """Delete it, if it is there."""
        self._path.unlink(missing_ok=True)

    def _temporary(self, data: bytes) -> Path:
        path = self._path.with_name(f"{LEASE}.{secrets.randbits(63)}-0")
        path.write_bytes(data)
        return path
