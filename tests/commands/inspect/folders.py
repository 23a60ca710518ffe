"""Folders to inspect, and what `lmkit inspect --json` returns of them."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import Lmkit

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little."
HOSTILE = "\x1b[31m[bold]red[/] \x07 and a text that is long enough to be packed"


def inspect(lmkit: Lmkit, *arguments: str | Path) -> dict[str, Any]:
    exit_code, out, err = lmkit("inspect", *arguments, "--json")
    assert (exit_code, err) == (0, "")
    return json.loads(out)


def run_folder(finished: bool) -> Path:
    run = Path("run")
    checkpoint = run / "checkpoints" / "step-00000020"
    checkpoint.mkdir(parents=True)
    head = json.dumps({"w": {"dtype": "F32", "shape": [10, 5], "data_offsets": [0, 200]}}).encode()
    files = {
        "model.safetensors": len(head).to_bytes(8, "little") + head + bytes(200),
        "optimizer.safetensors": b"",
        "state.json": json.dumps({"step": 20, "validation_loss": 2.5}).encode(),
    }
    outputs = []
    for name, data in files.items():
        (checkpoint / name).write_bytes(data)
        outputs.append({"name": name, "bytes": len(data), "sha256": ""})
    (checkpoint / "manifest.json").write_text(
        json.dumps({"format": 2, "step": 20, "outputs": outputs})
    )
    (run / "checkpoints" / "index.json").write_text(
        json.dumps({"latest": checkpoint.name, "best": checkpoint.name})
    )
    lines = [{"step": step, "tokens": step * 100, "loss": 9 / step} for step in range(1, 21)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "model.json").write_text(json.dumps({"model": {"layers": 6}, "objective": "clm"}))
    plan = {
        "format": 2,
        "stage": "pretrain",
        "lmkit": "0.1.0",
        "config": {"steps": 20},
        "inputs": [],
    }
    if finished:
        made = {"outputs": [], "counts": {}, "seconds": 1}
        (run / "manifest.json").write_text(json.dumps(plan | made))
    else:
        (run / ".partial").mkdir()
        (run / ".partial" / "plan.json").write_text(json.dumps(plan))
    return run
