"""Scores on tasks with several processes: those of one process, in every parallel mode."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lmkit.artifacts.manifest import flat
from lmkit.evaluation.tasks.likelihoods.decoder_likelihood import DecoderLikelihood
from lmkit.evaluation.tasks.task_scores import GroupScores, ScoreRecord, TaskScores
from lmkit.training.evaluations.task_evaluation import MeasuredTasks
from tests.conftest import SMALL_RUN, Lmkit
from tests.training.evaluations.asked import write_prompts, write_tasks
from tests.training.launched import SETTINGS, SHAPE, pretrain

STEPS = ("--steps", "4", "--eval.every", "2", "--eval.shots", "1")


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def scores(run: Path) -> list[dict[str, float]]:
    """Return all scores of a run, step after step."""
    found = [line for line in lines(run) if "tasks" in line]
    assert [line["step"] for line in found] == [2, 4]
    return [flat({"tasks": line["tasks"], "groups": line["groups"]}) for line in found]


def weights(run: Path) -> bytes:
    return (run / "checkpoints/step-00000004/model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def alone(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    tasks = write_tasks(folder / "tasks")
    command = [packed, "--output", folder / "run", *SHAPE, *SETTINGS, *STEPS]
    done = pretrain(1, *command, "--eval.tasks", tasks)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("mode", ["ddp", "fsdp", "tensor"])
def test_two_processes_have_the_scores_of_one(
    mode: str, alone: Path, packed: Path, here: Path
) -> None:
    command = [packed, "--output", "run", *SHAPE, *SETTINGS, *STEPS, "--parallel", mode]
    done = pretrain(2, *command, "--eval.tasks", alone / "tasks")
    assert done.returncode == 0, done.stderr
    for found, expected in zip(scores(Path("run")), scores(alone / "run"), strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    assert done.stderr.count("2 tasks in") == 2
    command[2] = "silent"
    done = pretrain(2, *command)
    assert done.returncode == 0, done.stderr
    assert weights(Path("run")) == weights(Path("silent"))


def test_samples_are_shared_by_ddp_and_refused_where_each_token_needs_all(
    packed: Path, here: Path
) -> None:
    write_prompts(Path("prompts.txt"), "The", "A class", "One")
    command = [packed, *SHAPE, *SETTINGS, "--steps", "2", "--sample.prompts", "prompts.txt"]
    for processes in (1, 2):
        done = pretrain(processes, *command, "--output", f"run-{processes}")
        assert done.returncode == 0, done.stderr
    one, two = (Path(f"run-{number}/samples.jsonl").read_text().splitlines() for number in (1, 2))
    assert [json.loads(line)["prompt"] for line in two] == ["The", "A class", "One"]
    assert one == two
    done = pretrain(2, *command, "--output", "other", "--parallel", "fsdp")
    assert done.returncode != 0 and not Path("other").exists()
    assert "--sample.prompts: can't be combined with --parallel fsdp" in done.stderr


def test_where_memory_runs_out_fewer_sequences_are_computed_at_a_time(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sizes = DecoderLikelihood.__call__, list[int | None]()

    def call(self: DecoderLikelihood, groups: Any) -> Any:
        sizes.append(self.micro_batch)
        if self.micro_batch is None:
            raise torch.OutOfMemoryError
        return real(self, groups)

    monkeypatch.setattr(DecoderLikelihood, "__call__", call)
    tasks = write_tasks(Path("tasks"))
    command = ["pretrain", packed, "--output", "run", *SMALL_RUN, *STEPS, "--micro-batch", "4"]
    exit_code, _, err = lmkit(*command, "--eval.tasks", tasks)
    assert exit_code == 0, err
    assert sizes == [None, 4, 4, 4, 4]


def test_groups_are_shown_before_tasks_outside_of_them() -> None:
    def task(**values: float) -> TaskScores:
        records = {name: ScoreRecord(value=value, stderr=None) for name, value in values.items()}
        facts: dict[str, Any] = dict.fromkeys(("chance", "centered"))
        counts: dict[str, Any] = dict.fromkeys(("items", "shots", "cut", "seams", "ties"), 0)
        return TaskScores(kind="pair", method="likelihood", scores=records, **facts, **counts)

    tasks = {"a/x": task(acc=0.5), "a/y": task(acc=1.0), "b": task(bits_per_byte=1.25)}
    group = GroupScores(tasks=2, items=2, chance=None, centered=None, scores=task(acc=0.75).scores)
    measured = MeasuredTasks(tasks, {"a": group}, 1.23)
    assert measured.shown() == "3 tasks in 1.2 s: a acc 0.7500, b bits_per_byte 1.2500"
    assert measured.records[1] == {"a": {"acc": 0.75}}
    many = {str(number): task(acc=0.0) for number in range(6)}
    assert MeasuredTasks(many, {}, 0).shown().endswith("3 acc 0.0000, and 2 more")
