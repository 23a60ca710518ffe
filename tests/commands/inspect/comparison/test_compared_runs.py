import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit


def run(name: str, lines: list[dict[str, Any]]) -> Path:
    Path(name).mkdir()
    plan = {"format": 2, "stage": "pretrain", "lmkit": "1", "config": {}, "inputs": []}
    made = {"outputs": [], "counts": {}, "seconds": 1}
    (Path(name) / "manifest.json").write_text(json.dumps(plan | made))
    (Path(name) / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return Path(name)


def steps(losses: list[float], **more: list[float]) -> list[dict[str, Any]]:
    """Return lines of steps of 100 tokens at 50 tokens a second."""
    return [
        {"step": n, "tokens": 100 * n, "loss": loss, "tokens_per_second": 50.0}
        | {name: values[n - 1] for name, values in more.items()}
        for n, loss in enumerate(losses, 1)
    ]


def test_each_run_reaches_the_worse_ones_last_validation_loss(here: Path, lmkit: Lmkit) -> None:
    a = run("a", steps([9.0, 8.0, 7.0, 6.0], validation_loss=[5.0, 4.0, 3.0, 3.5]))
    b = run("b", steps([9.0, 8.0, 7.0, 6.5], validation_loss=[4.5, 4.0, 4.0, 4.0]))
    found = inspect(lmkit, a, b)
    ends = {row["at the end"]: (row["a"], row["b"]) for row in found["runs"]}
    assert ends["step"] == (4, 4) and ends["tokens"] == (400, 400)
    assert ends["loss"] == (6.0, 6.5) and ends["best validation loss"] == (3.0, 4.0)
    assert ends["seconds"] == pytest.approx((8.0, 8.0))
    reached = {row["in"]: (row["a"], row["b"]) for row in found["reached"]}
    assert reached["steps"] == (2, 2) and reached["tokens"] == (200, 200)
    assert reached["seconds"] == pytest.approx((4.0, 4.0))
    assert found["reached"][0]["to reach"] == "validation loss 4.0000, the worse one's last"


def test_without_validation_the_training_loss_decides(here: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, run("a", steps([9.0, 5.0, 2.0])), run("b", steps([9.0, 7.0, 5.0, 5.0])))
    reached = {row["in"]: (row["a"], row["b"]) for row in found["reached"]}
    assert reached["steps"] == (2, 3)


def test_a_run_without_metrics_or_with_no_number_has_no_comparison(
    here: Path, lmkit: Lmkit
) -> None:
    found = inspect(lmkit, run("a", []), run("b", steps([3.0])))
    assert found["runs"] == [] and "reached" not in found
    lines: list[dict[str, Any]] = [{"step": 1, "tokens": 9, "loss": None}]
    found = inspect(lmkit, run("c", lines), run("d", steps([3.0])))
    assert found["runs"] and "reached" not in found
