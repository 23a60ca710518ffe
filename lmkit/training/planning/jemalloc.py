"""jemalloc instead of the C library's allocator, where it is installed.

Choices:
- It makes a training step on a CPU 8 to 10% faster than glibc's allocator with its best settings
  (6 blocks of 384, 4,096 tokens a step, two cores); small models don't change.
- An allocator can only be chosen when a process starts: the command replaces itself by the same
  command, before anything is imported that takes time. Only `lmkit` does so: a program that calls
  `lmkit.pretrain` keeps its allocator.
- It keeps its memory, as glibc's does with `glibc_allocator`, and asks for large pages.
- Processes that are started by the run, such as a compiler, don't inherit it.
"""

import ctypes.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

MAPS = Path("/proc/self/maps")
ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")
GPU = Path("/dev/nvidiactl")
SETTINGS = "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always"
STARTED = "LMKIT_PRELOADED"
"""Environment variable of a process that has been replaced: the library that it preloads."""


def restart_with_jemalloc() -> None:
    """Replace this process by the same command under jemalloc, if that is there and helps."""
    if preloaded := os.environ.pop(STARTED, None):
        for name in ("LD_PRELOAD", "MALLOC_CONF"):
            if os.environ.get(name) in {preloaded, SETTINGS}:
                del os.environ[name]
        return
    if sys.platform != "linux" or GPU.exists():
        return
    environment = preloading(os.environ, _library())
    if environment is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def preloading(environ: Mapping[str, str], library: str | None) -> dict[str, str] | None:
    """Return the environment that preloads a library; None if there is none, or another one is.

    >>> preloading({}, None), preloading({"LD_PRELOAD": "libtcmalloc.so"}, "libjemalloc.so.2")
    (None, None)
    >>> preloading({"MALLOC_CONF": "thp:never"}, "libjemalloc.so.2")["MALLOC_CONF"]
    'thp:never'
    """
    if library is None or environ.get("LD_PRELOAD"):
        return None
    return {"MALLOC_CONF": SETTINGS} | dict(environ) | {"LD_PRELOAD": library, STARTED: library}


def loaded_allocator() -> str | None:
    """Return the allocator that replaces the system's, if there is one."""
    try:
        maps = MAPS.read_text("utf-8", "replace")
    except OSError:
        maps = os.environ.get("LD_PRELOAD", "")
    return next((name for name in ALLOCATORS if f"lib{name}" in maps), None)


def _library() -> str | None:
    return ctypes.util.find_library("jemalloc")
