import os
from pathlib import Path

import pytest

from lmkit.diagnosis import disk_speed
from lmkit.diagnosis.disk_speed import measure_disk
from lmkit.diagnosis.finding import Asked


def test_both_speeds_are_measured_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_speed, "BYTES", 8_000_000)
    facts = measure_disk(Asked(tmp_path, measures=True)).facts
    assert isinstance(facts, dict)
    for name in ("writing", "reading"):
        assert float(str(facts[name]).removesuffix(" MB/s").replace(",", "")) > 0
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_where_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_speed, "_speeds", pytest.fail)
    assert set(measure_disk(Asked(tmp_path, measures=False)).facts) == {"folder", "free"}


def test_a_slow_disk_is_advice_and_a_full_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_speed, "_speeds", lambda *_: (20e6, 500e6))
    assert "its 20 MB/s" in measure_disk(Asked(tmp_path, measures=True)).advice[0]

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(disk_speed, "_speeds", full)
    facts = measure_disk(Asked(tmp_path, measures=True)).facts
    assert facts["writing"] == f"failed: {os.strerror(28)}"  # type: ignore[call-overload]
