import math
from pathlib import Path

import numpy as np
import pytest

from lmkit.reporting.run_metrics import read_metrics
from tests.reporting.folders import write_run


def test_every_number_is_a_curve_by_its_name(tmp_path: Path) -> None:
    found = read_metrics(write_run(tmp_path / "run", [3.0, None, 2.0]))
    assert set(found.curves) == {
        *("loss", "lr", "gradient_norm", "tokens_per_second", "validation_loss", "wait/data")
    }
    assert found.curves["wait/data"].values.tolist() == [0.1, 0.2, 0.3]
    assert found.tokens.tolist() == [100, 200, 300]
    assert found.hours == pytest.approx([2 / 3600, 4 / 3600, 6 / 3600])


def test_null_is_a_gap(tmp_path: Path) -> None:
    loss = read_metrics(write_run(tmp_path / "run", [3.0, None, 2.0])).curves["loss"]
    assert math.isnan(loss.values[1]) and loss.last == 2.0


def test_half_a_line_at_the_end_is_ignored_and_a_damaged_one_counted(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [3.0])
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'\0\0\0\n{"step": 2, "loss": 1, "x": true, "y": "z"}\n[1]\n{"step": 3, "lo')
    found = read_metrics(run)
    assert found.damaged == 2 and found.steps.tolist() == [1, 2]
    assert found.curves["loss"].values.tolist() == [3, 1]


def test_a_run_without_metrics_has_no_curves(tmp_path: Path) -> None:
    found = read_metrics(tmp_path)
    assert not found.curves and not len(found.steps) and not np.any(found.hours)
