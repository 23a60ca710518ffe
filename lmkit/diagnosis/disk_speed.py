"""The disk of a folder: free space, and how fast it is written and read.

Choices:
- What is written can't be compressed, and is on disk (fsync) before the clock stops; before it is
  read it leaves the system's cache, where the system offers that.
- The file is removed however the measurement ends; it has 256 MB, and a tenth of what is free at
  most.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from lmkit.diagnosis.finding import Asked, Finding
from lmkit.execution.amounts import size

BYTES = 256_000_000
BLOCK = 4_000_000
SLOW = 100e6
"""Bytes a second below which the data stages wait for the disk: they read 20 to 80 MB/s for each
core."""


def measure_disk(asked: Asked) -> Finding:
    """Return the free space, and the speed of writing and reading."""
    folder = asked.folder
    free = shutil.disk_usage(folder).free
    facts: dict[str, object] = {"folder": str(folder), "free": size(free)}
    if not asked.measures:
        return Finding(facts)
    try:
        written, read = _speeds(folder, min(BYTES, free // 10))
    except OSError as error:
        return Finding(facts | {"writing": f"failed: {error.strerror}"})
    facts |= {"writing": f"{written / 1e6:,.0f} MB/s", "reading": f"{read / 1e6:,.0f} MB/s"}
    advice: list[str] = []
    if min(written, read) < SLOW:
        advice.append(
            f"use another disk than that of {folder}: its {min(written, read) / 1e6:,.0f} MB/s are "
            "less than a few cores read and write"
        )
    return Finding(facts, advice)


def _speeds(folder: Path, count: int) -> tuple[float, float]:
    """Return the bytes a second of writing and of reading."""
    block = os.urandom(min(BLOCK, max(1, count)))
    blocks = max(1, count // len(block))
    with tempfile.TemporaryFile(dir=folder, prefix=".lmkit-doctor-", buffering=0) as file:
        start = time.perf_counter()
        for _ in range(blocks):
            file.write(block)
        os.fsync(file.fileno())
        written = time.perf_counter() - start
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        start = time.perf_counter()
        while file.read(BLOCK):
            pass
        read = time.perf_counter() - start
    return blocks * len(block) / written, blocks * len(block) / read
