import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmkit.training.loop import Hooks, Progress
from lmkit.training.profiling.step_profile import WARMUP_STEPS, StepProfile
from tests.training.tiny import Run


def profiled(folder: Path, active: int | None, start: int = 0, **changes: Any) -> Run:
    run = Run(dropout=0.5)
    with StepProfile(folder, active) as profile:
        run.train(Progress(step=start), Hooks(on_beat=profile.beat), **changes)
    return run


def trace(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    (path,) = (folder / "profile").iterdir()
    return path.name, json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]


def steps_in(events: list[dict[str, Any]]) -> list[int]:
    names = {str(event.get("name")) for event in events}
    return sorted(int(name.split("#")[1]) for name in names if name.startswith("ProfilerStep#"))


def test_the_trace_has_the_steps_after_the_warmup_and_all_that_they_compute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profiled(tmp_path, 3, steps=12)
    name, events = trace(tmp_path)
    assert name == "steps-00000006-00000008.json.gz" and WARMUP_STEPS == 5
    assert steps_in(events) == [6, 7, 8]
    names = [str(event.get("name")) for event in events]
    assert names.count("Optimizer.step#AdamW.step") == 3
    assert {"aten::linear", "aten::cross_entropy_loss"} <= set(names)  # forward
    assert any(each.startswith("autograd::engine::evaluate_function") for each in names)
    assert not list((tmp_path / ".partial").iterdir())
    out, err = capsys.readouterr()
    assert not out and "profile of 3 steps from step 6" in err
    assert "aten::" in err and "share" in err and str(tmp_path / "profile" / name) in err


def test_weights_and_losses_are_those_without_it(tmp_path: Path) -> None:
    without, with_it = profiled(tmp_path, None), profiled(tmp_path, 2)
    assert without.losses == with_it.losses
    for name, weight in without.weights.items():
        assert weight.equal(with_it.weights[name])


def test_a_run_without_a_profile_writes_nothing(tmp_path: Path) -> None:
    profiled(tmp_path, None)
    assert not list(tmp_path.iterdir())


def test_a_run_that_ends_earlier_writes_what_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profiled(tmp_path, 9, steps=7)
    name, events = trace(tmp_path)
    assert name == "steps-00000006-00000007.json.gz" and steps_in(events) == [6, 7]
    assert "profile of 2 steps, of the 9 asked for, from step 6" in capsys.readouterr().err


def test_exactly_as_many_steps_as_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profiled(tmp_path, 1, steps=6)
    assert steps_in(trace(tmp_path)[1]) == [6]
    assert "profile of 1 step from step 6" in capsys.readouterr().err


@pytest.mark.parametrize("steps", [1, 5])
def test_a_run_that_ends_in_the_warmup_has_nothing_to_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: int
) -> None:
    profiled(tmp_path, 3, steps=steps)
    err = capsys.readouterr().err
    assert f"the run ended with step {steps}" in err and "share" not in err
    assert not (tmp_path / "profile").exists()


def test_a_run_that_resumes_is_profiled_into_another_file(tmp_path: Path) -> None:
    profiled(tmp_path, 1, steps=20, start=10)
    name, events = trace(tmp_path)
    assert name == "steps-00000016-00000016.json.gz" and steps_in(events) == [16]


def test_what_is_done_between_the_steps_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run()
    with StepProfile(tmp_path, 3) as profile:
        hooks = replace(Hooks(on_beat=profile.beat), validate=lambda: 1.0)
        run.train(Progress(), hooks, validate_every=7)
    assert "from step 6, with validating in between" in capsys.readouterr().err


def test_a_trace_that_cannot_be_written_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "profile").write_text("in the way")
    run = profiled(tmp_path, 1, steps=8)
    assert len(run.records) == 8
    assert "--profile: no trace: " in capsys.readouterr().err
