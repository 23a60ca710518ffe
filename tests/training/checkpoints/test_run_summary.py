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


def test_the_last_scores_are_found_however_long_ago_they_were_measured(tmp_path: Path) -> None:
    scored = {"tasks": {"a/x": {"acc": 0.5, "acc_bytes": 1}}, "groups": {"a": {"acc": 0.25}}}
    lines = [json.dumps({"step": step, "loss": 1.0}) for step in range(3_000)]
    lines[7] = json.dumps({"step": 7, "tasks": {"a/x": {"acc": 0.0}}})
    lines[8] = json.dumps({"step": 8, **scored})
    incomplete = json.dumps({"step": 3_000, **scored})[:-9]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, incomplete]))
    found = summary.describe_run(tmp_path, {}, 2)
    assert found["tasks"] == [{"step": 8, "task": "a/x", "acc": 0.5}]
    assert found["groups"] == [{"step": 8, "group": "a", "acc": 0.25}]
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 8, **scored}) + "\n")
    assert summary.describe_run(tmp_path, {}, 2)["last_steps"] == [{"step": 8}]


def test_the_samples_of_the_last_step_are_shown(tmp_path: Path) -> None:
    lines = [{"step": step, "prompt": prompt} for step in (1, 2) for prompt in "ab"]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert summary.describe_run(tmp_path, {}, 2)["last_samples"] == lines[2:]
