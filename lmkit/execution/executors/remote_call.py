"""A task on another machine: what it is sent, how it runs there, and what comes back.

Choices:
- The function is sent once, pickled by this lmkit for itself, and loaded once by each process.
- Versions are compared before a task runs: another lmkit could write other files, and another
  zstandard other bytes.
- Processes are the parallelism, so a task has one thread, whatever the machine has.
- An exception comes back as itself, with its traceback as a text, as from a process pool.
"""

import os
import pickle
import platform
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lmkit.errors import LmkitError

PACKAGES = ("lmkit", "zstandard")


@dataclass(frozen=True)
class RemoteFunction:
    """What all tasks of a step have in common."""

    pickled: bytes
    folder: str
    """The working directory, to which paths are relative."""
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, function: Callable[[Any], Any]) -> "RemoteFunction":
        """Return a function as it is sent from here."""
        return cls(pickle.dumps(function), str(Path.cwd()), installed_versions())


@dataclass(frozen=True)
class Outcome:
    """What became of a task."""

    number: int
    result: Any = None
    error: BaseException | None = None
    trace: str = ""
    """The traceback of the error, where it was raised."""

    def unwrapped(self) -> Any:
        """Return the result, or raise the error."""
        if self.error is None:
            return self.result
        raise self.error from (RemoteTraceback(self.trace) if self.trace else None)


class RemoteTraceback(Exception):  # noqa: N818 (it is shown as the cause of another)
    """The traceback of an error on another machine."""

    def __init__(self, trace: str) -> None:
        super().__init__(trace)
        self.trace = trace

    def __str__(self) -> str:
        return f"\n{self.trace}"


def run_remotely(function: RemoteFunction, number: int, task: Any) -> Outcome:
    """Run a task in this process, which is a worker's."""
    try:
        refuse_other_versions(function.versions)
        _enter(function.folder)
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        os.environ["RAYON_NUM_THREADS"] = "1"
        return Outcome(number, _loaded(function.pickled)(task))
    except MemoryError:
        error = LmkitError(
            f"task {number}: {socket.gethostname()} ran out of memory",
            "finished tasks are kept: run the same again with smaller tasks (--shard-bytes), or "
            "with fewer of them on a machine",
        )
        return Outcome(number, error=error)
    except Exception as error:
        return Outcome(number, error=_sendable(error), trace=traceback.format_exc())


@cache
def installed_versions() -> tuple[tuple[str, str], ...]:
    """Return the versions on which the bytes of an output may depend."""
    found = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:  # the sources, without an installation
            found.append((name, "not installed"))
    return tuple(found)


def refuse_other_versions(wanted: tuple[tuple[str, str], ...]) -> None:
    """Raise LmkitError where this machine has other versions than the one that gave the task."""
    here = dict(installed_versions())
    if other := [(name, text) for name, text in wanted if here.get(name) != text]:
        (name, text), *_ = other
        raise LmkitError(
            f"{socket.gethostname()} has {name} {here.get(name)}, and the machine that gives the "
            f"tasks has {text}: the output could differ",
            f"install {name} {text} there, or the same environment on every machine",
        )


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise LmkitError(
            f"{socket.gethostname()} has no folder {folder} ({error.strerror})",
            "every machine needs the same folders under the same paths: a shared file system",
        ) from None


@lru_cache(maxsize=4)
def _loaded(pickled: bytes) -> Callable[[Any], Any]:
    return pickle.loads(pickled)


def _sendable(error: Exception) -> BaseException:
    """Return an error that can be sent: itself, or its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
