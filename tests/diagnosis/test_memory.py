import ctypes.util
from pathlib import Path

import pytest

from lmkit.diagnosis.memory import find_memory
from lmkit.training.planning import jemalloc
from tests.diagnosis.asked import NOTHING_MEASURED


def test_a_preloaded_allocator_is_named_and_needs_no_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = tmp_path / "maps"
    maps.write_text("7f00-7f01 r-xp 0 08:01 1  /usr/lib/libjemalloc.so.2\n")
    monkeypatch.setattr(jemalloc, "MAPS", maps)
    found = find_memory(NOTHING_MEASURED)
    assert isinstance(found.facts, dict)
    assert found.facts["allocator"] == "jemalloc" and not found.advice
    assert str(found.facts["free"]).endswith(" GB")


@pytest.mark.parametrize("library", ["libjemalloc.so.2", None])
def test_jemalloc_is_advice_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str | None
) -> None:
    maps = tmp_path / "maps"
    maps.write_text("")
    monkeypatch.setattr(jemalloc, "MAPS", maps)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: library)
    found = find_memory(NOTHING_MEASURED)
    assert isinstance(found.facts, dict)
    assert found.facts.get("pretrain_uses") == ("jemalloc" if library else None)
    assert ["libjemalloc" in each for each in found.advice] == ([] if library else [True])
