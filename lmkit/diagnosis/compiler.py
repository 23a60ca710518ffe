"""What torch.compile needs: a C++ compiler on a CPU, Triton on a GPU."""

import os
import shutil
from importlib.util import find_spec

import torch

from lmkit.diagnosis.finding import Asked, Finding

COMPILERS = ("c++", "g++", "clang++", "cl")


def find_compiler(_: Asked) -> Finding:
    """Return the compilers that there are."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else COMPILERS
    found = next((path for name in names if (path := shutil.which(name))), None)
    has_triton = find_spec("triton") is not None
    facts: dict[str, object] = {"c++": found or "none", "triton": has_triton}
    advice: list[str] = []
    if torch.cuda.is_available() and not has_triton:
        advice.append("pip install triton: torch.compile needs it on a GPU")
    return Finding(facts, advice)
