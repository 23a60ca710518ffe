"""Runs that save in the background, and that roll back after loss spikes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lmkit.counter_rng import draw
from lmkit.errors import LmkitError
from lmkit.objectives.batch import Batch
from lmkit.objectives.clm.objective import clm
from lmkit.training.checkpoints.layout import newest_first
from lmkit.training.data.batch_sizes import BatchRange
from lmkit.training.data.sequence_order import rows_at
from lmkit.training.loop import Progress
from lmkit.training.loss_spikes import MIN_HISTORY
from lmkit.training.options import SpikeConfig
from lmkit.training.session import Session
from lmkit.training.tracking.registry import TrackedRun
from tests.training.tiny import RECIPE, Run
from tests.training.tracking.stand_ins import WANDB, stand_in

STEPS = MIN_HISTORY + 20
BAD = MIN_HISTORY + 6
"""The batch that makes the loss spike."""


def session(
    folder: Path, spike: SpikeConfig, bad: tuple[int, ...] = (BAD,), **more: Any
) -> Session:
    run = Run()
    read: list[list[int]] = []

    def order(seed: int, batch: BatchRange, among: int) -> Any:
        found = rows_at(seed, batch.start, batch.rows, among)
        read.append([batch.number, *found.tolist()])
        return found

    def make_batch(rows: Any, keys_B: Any) -> Batch:
        return clm(rows, keys_B)

    model, forward = run.model, run.model.forward

    def jumping(*arguments: Any, **named: Any) -> torch.Tensor:
        # The loop seeds torch by the number of the batch, so that it is known here.
        loss = forward(*arguments, **named)
        return loss * (1000.0 if torch.initial_seed() in jumps else 1.0)

    jumps = {draw(RECIPE.seed, number, 0) for number in bad}
    model.forward = jumping  # type: ignore[method-assign]
    recipe = replace(RECIPE, steps=STEPS, save_every=10, spike=spike)
    made = Session(
        run=folder,
        recipe=recipe,
        recipe_hash="x",
        parallelism=run.parallelism,
        optimizer=run.optimizer,
        data=run.rows,
        make_batch=make_batch,
        order=order,
        validate=None,
    )
    made.batches = read  # type: ignore[attr-defined]
    return made


def losses(folder: Path) -> list[float]:
    return [
        json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()
    ]


def state(folder: Path) -> dict[str, Any]:
    return json.loads((newest_first(folder)[0] / "state.json").read_text())


def test_a_spike_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = session(tmp_path, SpikeConfig()).train()
    err = capsys.readouterr().err
    assert f"step {BAD}: the loss rose to" in err and err.count("the loss rose") == 1
    assert progress.step == STEPS and progress.left_out == 0
    assert max(losses(tmp_path)) > 100


def test_a_run_rolls_back_and_skips_the_batches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    going = session(tmp_path, SpikeConfig(action="rollback"))
    progress = going.train()
    assert "going back to the last checkpoint" in capsys.readouterr().err
    since = BAD // 10 * 10
    assert progress == Progress(**{**progress.__dict__, "step": STEPS, "rollbacks": 1})
    assert progress.left_out == BAD - since
    assert len(losses(tmp_path)) == STEPS and max(losses(tmp_path)) < 100
    assert all(weight.isfinite().all() for weight in going.parallelism.model.parameters())
    # After the spike come the batches after it, each once.
    order: list[int] = [number for number, *_ in going.batches]  # type: ignore[attr-defined]
    assert order[-1] == STEPS + BAD - since
    assert order[-(STEPS - since) :] == list(range(BAD + 1, STEPS + BAD - since + 1))
    assert state(tmp_path)["left_out"] == BAD - since


def test_a_run_killed_after_a_spike_gives_the_same_result(tmp_path: Path) -> None:
    straight = session(tmp_path / "one", SpikeConfig(action="rollback"))
    (tmp_path / "one").mkdir()
    straight.train()
    (tmp_path / "two").mkdir()
    stops = iter([False] * (BAD + 4) + [True] * 9)
    first = session(tmp_path / "two", SpikeConfig(action="rollback"))
    assert first.train(lambda: next(stops)).step < STEPS
    second = session(tmp_path / "two", SpikeConfig(action="rollback"))
    second.train()
    assert losses(tmp_path / "one") == losses(tmp_path / "two")
    for one, two in zip(
        straight.parallelism.model.parameters(), second.parallelism.model.parameters(), strict=True
    ):
        assert one.equal(two)


def test_a_tracker_has_each_step_once_after_a_rollback_and_nothing_is_profiled_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stand-in").mkdir()
    wandb = stand_in(monkeypatch, tmp_path / "stand-in", "wandb", WANDB)
    run = tmp_path / "run"
    run.mkdir()
    going = session(run, SpikeConfig(action="rollback"))
    going.tracked, going.profile = TrackedRun(run, chosen="wandb", id="abc"), 2
    going.train()
    calls = list(wandb)
    second = [name for name, _ in calls].index("init", 1)
    steps = [values["step"] for name, values in calls[second:] if name == "log"]
    assert steps == list(range(1, STEPS + 1))
    assert len(list((run / "wandb").iterdir())) == 1
    assert len(list((run / "profile").iterdir())) == 1


def test_too_many_spikes_end_the_run_with_an_explanation(tmp_path: Path) -> None:
    spike = SpikeConfig(action="rollback", rollbacks=2)
    bad = tuple(range(BAD, BAD + 200))
    with pytest.raises(LmkitError, match="the run has been rolled back 2 times already") as error:
        session(tmp_path, spike, bad).train()
    assert "--optim.lr" in str(error.value.hint)


def test_a_spike_before_the_first_checkpoint_rolls_back_to_the_start(tmp_path: Path) -> None:
    going = session(tmp_path, SpikeConfig(action="rollback"))
    going.recipe = replace(going.recipe, save_every=None)
    assert going.train().left_out == BAD
    assert max(losses(tmp_path)) < 100
