import subprocess
import sys

import pytest

from lmkit.training.planning import glibc_allocator as allocator

PROBE = """
import resource
import torch
from lmkit.training.planning.glibc_allocator import tune_allocator

agreed = tune_allocator()
torch.zeros(4_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    torch.zeros(4_000_000)
print(agreed, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not allocator._is_glibc(), reason="another C library")
def test_a_large_tensor_reuses_the_pages_of_the_one_before() -> None:
    command = [sys.executable, "-c", PROBE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    agreed, faults = done.stdout.split()
    # 16 MB are 3,907 pages of 4 KiB; a hundred tensors on new pages would take 390,700. A machine
    # that is short of memory takes back some.
    assert agreed == "True" and int(faults) < 200_000


def test_another_c_library_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise ValueError(f"unrecognized configuration name {name}")

    monkeypatch.setattr(allocator.os, "confstr", unknown)
    assert allocator.tune_allocator() is False
