"""What torch.compile needs: a C++ compiler on a CPU, Triton on a GPU."""

from importlib.util import find_spec

import torch

from lmkit.diagnosis.finding import Asked, Finding
from lmkit.training.compilation import cpp_compiler


def find_compiler(_: Asked) -> Finding:
    """Return the compilers that there are."""
    found = cpp_compiler()
    has_triton = find_spec("triton") is not None
    facts: dict[str, object] = {"c++": found or "none", "triton": has_triton}
    advice: list[str] = []
    if torch.cuda.is_available() and not has_triton:
        advice.append("pip install triton: torch.compile needs it on a GPU")
    return Finding(facts, advice)
