import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from lmkit.training.checkpoints import run_summary as summary
from lmkit.training.checkpoints.layout import MODEL


def test_weights_are_counted_without_loading_them(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(5)}, tmp_path / MODEL)
    assert summary.parameters(tmp_path) == 17


def test_corrupt_weights_have_no_count(tmp_path: Path) -> None:
    assert summary.parameters(tmp_path) is None
    (tmp_path / MODEL).write_bytes(b"\xff" * 20)
    assert summary.parameters(tmp_path) is None


def test_an_incomplete_line_is_ignored(tmp_path: Path) -> None:
    lines = [json.dumps({"step": step, "loss": 1.0}) for step in range(3_000)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 30')
    found = summary.describe_run(tmp_path, {}, 2)
    assert [line["step"] for line in found["last_steps"]] == [2_998, 2_999]
    assert found["run"]["step"] == 2_999
