from pathlib import Path

import pytest
import torch

from lmkit.diagnosis.compiler import find_compiler
from tests.diagnosis.asked import NOTHING_MEASURED


def test_the_first_compiler_of_the_path_is_found_or_that_of_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert find_compiler(NOTHING_MEASURED).facts["c++"] == "none"  # type: ignore[call-overload]
    for name in ("g++", "my-compiler"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert find_compiler(NOTHING_MEASURED).facts["c++"] == str(tmp_path / "g++")  # type: ignore[call-overload]
    monkeypatch.setenv("CXX", "my-compiler")
    assert find_compiler(NOTHING_MEASURED).facts["c++"].endswith("my-compiler")  # type: ignore[call-overload]


def test_a_gpu_without_triton_is_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmkit.diagnosis.compiler.find_spec", lambda _: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert "triton" in find_compiler(NOTHING_MEASURED).advice[0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not find_compiler(NOTHING_MEASURED).advice
