"""The memory of a process, and of its GPU."""

import resource
import sys
from pathlib import Path

import torch


def resident_bytes() -> int:
    """Return the memory of this process; the maximum so far, where only that is known."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()


def gpu_bytes() -> int:
    """Return the memory that torch has reserved on the current GPU."""
    return torch.cuda.memory_reserved()
