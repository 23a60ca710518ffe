import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from lmkit.artifacts.manifest import Input
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.errors import ConfigError, OutputError
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.checkpoints.run_record import RunRecord

RECORD = RunRecord(
    parameters=1, loss=2.0, validation_loss=None, device="cpu", precision="fp32", processes=1
)


def folder(data: str = "1", **options: object) -> RunFolder:
    values = {"inputs": ["packed"], "output": "run", "steps": 4, **options}
    config = PretrainConfig.model_validate(values)
    record = Input(path="packed", source="packed", bytes=0, sha256=(data,))
    return RunFolder(config, [record], config.steps, config.may_change)


def begun(run: RunFolder) -> None:
    with ExitStack() as stack:
        assert run.claim(stack) is None


def finished(run: RunFolder) -> None:
    begun(run)
    run.complete(RECORD, run.steps, 0)


def test_the_recipe_is_what_determines_the_numbers(here: Path) -> None:
    assert (
        folder().recipe == folder(steps=9, keep_checkpoints=7, micro_batch=3, output="else").recipe
    )
    for change in ({"seed": 1}, {"optim": {"lr": 1}}, {"batch_tokens": 9}, {"precision": "fp32"}):
        assert folder().recipe != folder(**change).recipe
    assert folder().recipe != folder(data="2").recipe
    asked = {"eval": {"tasks": ["tasks"], "every": 3}, "sample": {"prompts": "p", "every": None}}
    assert folder().recipe == folder(**asked).recipe


def test_a_task_that_asks_something_else_is_recorded_and_not_refused(here: Path) -> None:
    begun(folder())
    folder().record_tasks({"a": "1", "b": "1"})
    folder().record_tasks({"b": "2", "c": "1"})
    folder().record_tasks({"a": "1", "b": "2"})
    history = [json.loads(line) for line in Path("run/history.jsonl").read_text().splitlines()]
    changed = "task b asks something else than before: the scores can't be compared"
    assert history == [{"step": 0, "changes": [changed]}]


def test_samples_are_outputs(here: Path) -> None:
    run = folder()
    begun(run)
    Path("run/samples.jsonl").write_text("text")
    assert [output.name for output in run.complete(RECORD, 4, 0).outputs] == ["samples.jsonl"]
    begun(folder(overwrite=True))
    assert not Path("run/samples.jsonl").exists()


def test_the_same_run_is_finished_and_a_longer_one_resumes(here: Path) -> None:
    finished(folder())
    with ExitStack() as stack:
        assert folder(log_every=3).claim(stack)
    begun(folder(steps=6))
    history = [json.loads(line) for line in Path("run/history.jsonl").read_text().splitlines()]
    assert history == [{"step": 0, "changes": ["--steps was 4, now 6"]}]


def test_other_data_or_another_recipe_is_refused_by_name(here: Path) -> None:
    finished(folder())
    with ExitStack() as stack, pytest.raises(OutputError, match=r"--seed was 0, now 1\n"):
        folder(data="2", seed=1).claim(stack)
    with ExitStack() as stack, pytest.raises(OutputError, match="input packed has changed"):
        folder(data="2", seed=1).claim(stack)


def test_a_run_cannot_become_shorter(here: Path) -> None:
    finished(folder())
    Path("run/checkpoints/step-00000004").mkdir(parents=True)
    with ExitStack() as stack, pytest.raises(ConfigError, match="has already reached 4"):
        folder(steps=3).claim(stack)


def test_auto_is_resolved_once(here: Path) -> None:
    run = folder()
    begun(run)
    assert run.resolve("precision", lambda: "bf16") == "bf16"
    assert folder().resolve("precision", lambda: "fp32") == "bf16"
    begun(folder(overwrite=True))
    assert run.resolve("precision", lambda: "fp32") == "fp32"


def test_times_are_not_part_of_the_fingerprint(here: Path) -> None:
    prints: set[str] = set()
    for text in ("fast", "slow"):
        run = folder(overwrite=True)
        begun(run)
        Path("run/metrics.jsonl").write_text(text)
        Path("run/model.json").write_text("the same")
        prints.add(run.complete(RECORD, 4, 0).fingerprint)
        assert Path("run/metrics.jsonl").read_text() == text
    assert len(prints) == 1
