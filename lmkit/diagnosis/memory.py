"""The memory, and the allocator that hands it out.

Choice: `lmkit pretrain` uses jemalloc by itself where it is installed (`training.planning.jemalloc`
says what that gives); where it isn't, that is advice.
"""

import ctypes.util
import os

import torch

from lmkit.diagnosis.finding import Asked, Finding
from lmkit.execution.amounts import size
from lmkit.training.planning.forecast import free_bytes
from lmkit.training.planning.glibc_allocator import tune_allocator
from lmkit.training.planning.jemalloc import loaded_allocator


def find_memory(_: Asked) -> Finding:
    """Return the memory that is free, and the allocator."""
    free, loaded = free_bytes(torch.device("cpu")), loaded_allocator()
    facts: dict[str, object] = {"free": "unknown" if free is None else size(free)}
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        facts["installed"] = size(total)
    except (ValueError, OSError, AttributeError):
        pass
    if loaded:
        return Finding(facts | {"allocator": loaded})
    tuned = tune_allocator()
    facts["allocator"] = "glibc, set to keep its memory" if tuned else "the system's"
    if ctypes.util.find_library("jemalloc"):
        facts["pretrain_uses"] = "jemalloc"
        return Finding(facts)
    advice = "apt install libjemalloc2, or the like: steps of larger models on a CPU take 8 to 10% "
    return Finding(facts, [f"{advice}less time with it, and lmkit pretrain then uses it"])
