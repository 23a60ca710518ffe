"""Folders to report on, written by hand: what a manifest holds, and nothing more."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lmkit.commands.report.run import options_of
from lmkit.reporting.lineage import find_lineage
from lmkit.reporting.report_data import ReportData, read_report_data

HOSTILE = "</script><script>alert(1)</script>\x1b[31m\u202e\"'&<b>`|"
"""A text that ends elements, begins scripts, and changes the direction of what follows."""


def write_folder(
    path: Path,
    stage: str,
    config: Mapping[str, Any] | None = None,
    *,
    inputs: Iterable[Mapping[str, Any]] = (),
    details: Mapping[str, Any] | None = None,
    finished: bool = True,
    **counts: Any,
) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    plan = {
        "format": 2,
        "stage": stage,
        "lmkit": "0.1.0",
        "config": {"output": str(path), **(config or {})},
        "inputs": [{"bytes": 0, "source": "", **each} for each in inputs],
    }
    if finished:
        results = {"outputs": [], "counts": counts, "details": details or {}, "seconds": 1.5}
        (path / "manifest.json").write_text(json.dumps(plan | results))
    else:
        (path / ".partial").mkdir()
        (path / ".partial" / "plan.json").write_text(json.dumps(plan))
    return path


def write_run(path: Path, losses: Iterable[float | None], **more: Any) -> Path:
    """Write a run with a loss at each step, and other measurements."""
    write_folder(path, "pretrain", {"steps": 10, "objective": "clm", "spike": {"z": 10.0}}, **more)
    lines = [
        {
            "step": step,
            "tokens": 100 * step,
            "loss": loss,
            "lr": 0.1 / step,
            "gradient_norm": 1.0,
            "tokens_per_second": 50.0,
            "validation_loss": loss,
            "wait": {"data": step / 10},
        }
        for step, loss in enumerate(losses, 1)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def data_of(*folders: Path) -> ReportData:
    return read_report_data(find_lineage(folders, Path("nowhere")), options_of)


def raw_file(path: str, source: str = "raw") -> dict[str, Any]:
    return {"path": path, "source": source, "bytes": 10, "origin": path, "modified": 1}
