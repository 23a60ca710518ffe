from pathlib import Path
from typing import Any

import pytest
import torch

from lmkit.diagnosis import processor
from lmkit.diagnosis.finding import Asked
from lmkit.diagnosis.processor import find_processor
from tests.diagnosis.asked import NOTHING_MEASURED

X86 = """processor\t: 0
model name\t: Some CPU @ 2.00GHz
flags\t\t: fpu avx2 avx512f amx_bf16
processor\t: 1
model name\t: Another
flags\t\t: fpu
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16 sve\n"


def found(
    monkeypatch: pytest.MonkeyPatch, folder: Path, info: str, quota: str = "max 100000"
) -> Any:
    for name, content in (("CPU_INFO", info), ("QUOTA", quota)):
        path = folder / name
        path.write_text(content)
        monkeypatch.setattr(processor, name, path)
    return find_processor(NOTHING_MEASURED)


def test_matrix_units_are_read_from_the_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intel = found(monkeypatch, tmp_path, X86).facts
    assert intel["name"] == "Some CPU @ 2.00GHz"
    assert intel["matrix_units"] == "AMX (bf16), AVX-512, AVX2"
    assert found(monkeypatch, tmp_path, ARM).facts["matrix_units"] == "SVE, NEON (bf16), NEON"
    assert "matrix_units" not in found(monkeypatch, tmp_path, "").facts


def test_more_threads_than_the_quota_are_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    limited = found(monkeypatch, tmp_path, X86, "250000 100000")
    assert limited.facts["cores_by_quota"] == 2.5
    assert len(limited.advice) == 1 and limited.advice[0].startswith("set OMP_NUM_THREADS=2:")
    assert not found(monkeypatch, tmp_path, X86, "800000 100000").advice


def test_fewer_threads_than_cores_are_advice_where_a_variable_asks_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(processor, "usable_cores", lambda: 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert not found(monkeypatch, tmp_path, X86).advice
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert "unset OMP_NUM_THREADS" in found(monkeypatch, tmp_path, X86).advice[0]


def test_products_are_measured_in_both_precisions() -> None:
    facts = find_processor(Asked(Path(), measures=True)).facts
    assert isinstance(facts, dict)
    assert facts["gflops_fp32"] > 0 and facts["gflops_bf16"] > 0
    assert facts["precision_auto"] in ("fp32", "bf16")
