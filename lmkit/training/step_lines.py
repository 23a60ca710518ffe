"""Files of JSON lines that a run appends to, each line about a step.

Choice: a run that resumes removes the lines after its checkpoint, and an incomplete one after a
crash, so that no step appears twice. The lines that stay keep their bytes.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol, TypeVar

from lmkit.storage.atomic_files import fsync


class OfStep(Protocol):
    """What a line is about."""

    @property
    def step(self) -> int:
        """The step after which it was written."""
        ...


LineT = TypeVar("LineT", bound=OfStep)
Parse = Callable[[bytes], LineT | None]
"""Returns what a line holds; None for a damaged one."""


def complete_lines(path: Path, parse: Parse[LineT]) -> Generator[tuple[bytes, LineT]]:
    """Yield the lines up to the first incomplete one, each with what it holds."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            found = parse(line)
            # A power failure may also leave zeros, or half a line with a later one appended.
            if found is None or not line.endswith(b"\n"):
                return
            yield line, found


def trim_lines(path: Path, step: int, parse: Parse[LineT]) -> None:
    """Remove all lines after a step, and an incomplete one, atomically."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        for line, found in complete_lines(path, parse):
            if found.step <= step:
                file.write(line)
    fsync(partial)
    partial.replace(path)
    fsync(path.parent)
