import json
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import ConfigError, OutputError
from lmkit.training.checkpoints.overrides import EarlierOptions, earlier_options
from lmkit.training.checkpoints.resolved_values import read_resolved
from lmkit.training.options import OVERRIDABLE

NOW: dict[str, Any] = {
    **{"optim.lr": 1e-3, "batch_tokens": 64, "schedule.kind": "cosine"},
    **{"schedule.warmup_steps": 2, "schedule.decay_steps": None},
    **{"schedule.decay_fraction": 0.2, "schedule.final_lr_fraction": 0.1},
}


def run_with(checkpoints: dict[int, int], options: dict[str, Any] = NOW) -> Path:
    """A run with these options, and checkpoints after these steps, with batches left out."""
    nested: dict[str, Any] = {}
    for key, value in options.items():
        *groups, name = key.split(".")
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = value
    plan = {"stage": "pretrain", "lmkit": "0", "config": nested, "inputs": []}
    Path("run/.partial").mkdir(parents=True, exist_ok=True)
    Path("run/.partial/plan.json").write_text(json.dumps(plan))
    for step, left_out in checkpoints.items():
        folder = Path(f"run/checkpoints/step-{step:08}")
        folder.mkdir(parents=True)
        (folder / "state.json").write_text(json.dumps({"left_out": left_out}))
    return Path("run")


def earlier(step: int, batch: int, **changed: Any) -> EarlierOptions:
    return EarlierOptions(last_step=step, last_batch=batch, options={**NOW, **changed})


def test_the_options_until_the_last_checkpoint_are_kept(here: Path) -> None:
    run = run_with({4: 0, 8: 3})
    now = {**NOW, "optim.lr": 1e-4}
    assert earlier_options(run, [], now, {"optim.lr"}) == (earlier(8, 11),)


def test_the_same_command_again_changes_nothing(here: Path) -> None:
    known = [earlier(4, 4, **{"optim.lr": 1.0})]
    assert earlier_options(run_with({8: 0}), known, NOW, {"optim.lr"}) == tuple(known)
    assert earlier_options(Path("run"), known, NOW, frozenset()) == tuple(known)


def test_options_that_no_checkpoint_was_trained_with_are_forgotten(here: Path) -> None:
    run, known = run_with({8: 0}), [earlier(8, 8, batch_tokens=32)]
    found = earlier_options(run, known, {**NOW, "optim.lr": 1e-4}, {"optim.lr"})
    assert found == (earlier(8, 8, batch_tokens=32),)


def test_where_checkpoints_are_lost_their_steps_get_the_new_options(here: Path) -> None:
    run = run_with({6: 0})
    known = [earlier(4, 4, batch_tokens=16), earlier(9, 9, batch_tokens=32)]
    found = earlier_options(run, known, {**NOW, "optim.lr": 1e-4}, {"optim.lr"})
    assert found == (known[0], earlier(6, 6, batch_tokens=32))


def test_a_run_without_a_checkpoint_has_no_earlier_steps(here: Path) -> None:
    assert earlier_options(run_with({}), [], {**NOW, "optim.lr": 1.0}, {"optim.lr"}) == ()


def test_there_must_be_a_run(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"--override optim\.lr: nothing holds no run"):
        earlier_options(Path("nothing"), [], NOW, {"optim.lr"})


def test_every_name_is_an_option() -> None:
    assert set(OVERRIDABLE.values()) == NOW.keys()


@pytest.mark.parametrize(
    "changed",
    [
        {"optim.lr": "1"},
        {"optim.lr": -1.0},
        {"optim.lr": None},
        {"schedule.kind": "square"},
        {"schedule.warmup_steps": 1.5},
        {"batch_tokens": 0},
        {"batch_tokens": True},
        {"seed": 1},
    ],
)
def test_values_that_no_option_has_are_damage(here: Path, changed: dict[str, Any]) -> None:
    run = Path("run")
    run.mkdir()
    entry = {"last_step": 3, "last_batch": 3, "options": {**NOW, **changed}}
    (run / "resolved.json").write_text(json.dumps({"earlier": [entry]}))
    with pytest.raises(OutputError, match=r"resolved\.json: damaged"):
        read_resolved(run)
    (run / "resolved.json").write_text(json.dumps({"earlier": [{**entry, "options": NOW}]}))
    assert len(read_resolved(run)["earlier"]) == 1


def test_a_plan_without_readable_options_is_damage(here: Path) -> None:
    run = run_with({4: 0}, {**NOW, "schedule.kind": 3})
    with pytest.raises(OutputError, match="run: damaged"):
        earlier_options(run, [], {**NOW, "optim.lr": 1.0}, {"optim.lr"})
