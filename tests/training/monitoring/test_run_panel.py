import io
from dataclasses import replace

import pytest
from rich.console import Console

from lmkit.training.metrics import Record
from lmkit.training.monitoring.run_panel import RunPanel

RECORD = Record(
    step=1,
    tokens=1_024,
    loss=4.0,
    lr=1e-3,
    gradient_norm=0.5,
    tokens_per_second=2_048.0,
    data_wait_seconds=0.05,
    flops_per_second=3.2e12,
    mfu=0.413,
    memory_bytes=1_234_000_000,
    gpu_utilization=0.97,
    update_ratio={"attention": 1e-3, "embedding": 2.5e-3},
)


def panel(steps: int = 60) -> RunPanel:
    shown = RunPanel(steps=2 * steps)
    for step in range(1, steps + 1):
        record = replace(RECORD, step=step, tokens=1_024 * step, loss=4 / step**0.2)
        held_out = 2.5 if step == 30 else None
        shown.step(replace(record, validation_loss=held_out), seconds_left=192)
    return shown


def text(shown: RunPanel, width: int, height: int = 40) -> str:
    file = io.StringIO()
    Console(file=file, width=width, height=height).print(shown.drawn(width, height))
    return file.getvalue()


def test_every_number_that_is_measured_has_a_row() -> None:
    found = text(panel(), 100)
    for words in (
        *("step 60 of 120", "validation loss  2.5000", "61.4k of 123k", "2,048"),
        *("3.2 TFLOP/s (MFU 41.3%)", "data wait  10.0%", "1.0e-03 to 2.5e-03"),
        *("1.2 GB", "97% busy", "3:12"),
    ):
        assert words in found


def test_what_is_not_measured_has_none() -> None:
    shown = RunPanel(10)
    shown.step(Record(1, 64, 2.0, 0.1, 1.0, 640.0), 5)
    found = text(shown, 80)
    for words in ("memory", "GPU", "FLOP", "wait", "update", "MFU"):
        assert words not in found


def test_where_the_peak_is_unknown_there_is_no_utilization() -> None:
    shown = RunPanel(10)
    shown.step(replace(RECORD, mfu=None, flops_per_second=5e10), 5)
    assert "50.0 GFLOP/s" in text(shown, 80) and "MFU" not in text(shown, 80)


@pytest.mark.parametrize("width", [40, 60, 80, 140])
@pytest.mark.parametrize("height", [10, 24, 50])
def test_it_fits_the_terminal(width: int, height: int) -> None:
    lines = text(panel(), width, height).splitlines()
    assert max(map(len, lines)) == min(width, 100)
    if height >= 24:
        assert len(lines) < height
    assert lines[-1].startswith("╰") and lines[-1].endswith("╯")
    braille = [line for line in lines if any(0x2800 <= ord(c) < 0x2900 for c in line)]
    assert bool(braille) == (height >= 24)


def test_numbers_are_not_cut_at_60_columns() -> None:
    found = text(panel(), 60)
    assert "1.0e-03 to 2.5e-03" in found and "3.2 TFLOP/s (MFU 41.3%)" in found and "…" not in found
