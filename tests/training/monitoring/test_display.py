import json
from pathlib import Path

import pytest
import torch

from lmkit.training.evaluations.samples_file import Sample
from lmkit.training.metrics import Record
from lmkit.training.monitoring.display import Display
from lmkit.training.monitoring.peak_flops import ModelFlops

STEPS = [Record(step, 64 * step, 2.0, 0.1, 1.0, 640.0) for step in (1, 2)]


def shown(run: Path) -> None:
    with Display(run, 2, 0, 1, torch.device("cpu")) as display:
        for record in STEPS:
            display.step(record)
        display.sync()
        display.warn("careful")


def test_steps_are_recorded_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown(tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    err = capsys.readouterr().err
    assert "step 2/2" in err and "careful" in err


def test_samples_are_recorded_and_the_first_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Display(tmp_path, 2, 0, 1, torch.device("cpu")) as display:
        display.add_samples([Sample(1, "a", "a b", ended=True), Sample(1, "c", "d", ended=True)])
    assert len((tmp_path / "samples.jsonl").read_text().splitlines()) == 2
    assert "step 1: a b (and 1 more in samples.jsonl)" in capsys.readouterr().err


def test_only_rank_zero_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    shown(tmp_path)
    assert list(tmp_path.iterdir()) == [] and not capsys.readouterr().err


def test_what_the_machine_did_is_in_the_lines_and_its_memory_at_logged_steps(
    tmp_path: Path,
) -> None:
    work = ModelFlops(per_token=100.0, peak=128_000.0)
    with Display(tmp_path, 3, 0, 2, torch.device("cpu"), work) as display:
        for step in (1, 2, 3):
            display.step(Record(step, 64 * step, 2.0, 0.1, 1.0, 640.0))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["flops_per_second"] for line in lines] == [64_000.0] * 3
    assert [line["mfu"] for line in lines] == [0.5] * 3
    assert ["memory_bytes" in line for line in lines] == [False, True, True]
    assert lines[1]["memory_bytes"] > 1_000_000
