"""What a plan does with pilot runs, and without."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.commands.plan.propose import propose
from lmkit.training.planning.forecast import Forecast
from lmkit.training.planning.model_sizes import ModelSize
from tests.commands.plan.conftest import BUDGET, MODEL
from tests.commands.plan.test_size_choice import SIZE, sizes
from tests.conftest import Lmkit

pytestmark = pytest.mark.usefixtures("tiny_runs")


def test_pilot_runs_have_three_lengths_and_the_proposed_loss_is_near_theirs(planned: Path) -> None:
    found = json.loads((planned / "plan.json").read_text())
    losses = [run["loss"] for run in found["pilots"]]
    # All are at the start, where a vocabulary of 600 has a loss of about ln 600 = 6.4; four steps
    # at a high rate may end above.
    assert all(4 < loss < 8 for loss in losses)
    assert found["chosen"]["low"] < max(losses)


def test_data_without_held_out_sequences_has_no_pilot_runs(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    documents, tokenizer = packed.parent / "documents.jsonl", packed.parent / "tokenizer"
    pack = ["pack", documents, "--tokenizer", tokenizer, "--output", "all", "--validation", "0"]
    assert lmkit(*pack, "--sequence-length", "32")[0] == 0
    exit_code, _, err = lmkit("plan", "all", *MODEL, *BUDGET)
    assert exit_code == 2 and "--pilot-minutes: there are no held-out sequences" in err
    exit_code, out, err = lmkit("plan", "all", *MODEL, "--tokens", "6000")
    assert exit_code == 0 and "no pilot runs: there are no held-out sequences" in err
    assert "with nothing measured on this data" in out


def test_a_size_that_is_measured_to_be_slow_is_not_proposed(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sizes(packed, hours=2, pilot_minutes="none")
    some, runs = found.measured[SIZE], found.runs
    slow: set[tuple[int, int]] = set()

    def forecast(_: PlannedRuns, size: ModelSize, *given: float, **more: Any) -> Forecast:
        speed = 1e12 / runs.flops_per_position(size)
        is_slow = (size.layers, size.hidden_size) in slow
        return replace(some, tokens_per_second=speed / (100 if is_slow else 1))

    monkeypatch.setattr(PlannedRuns, "forecast", forecast)
    for _ in range(3):
        chosen = propose(runs, []).chosen
        assert chosen.is_measured and (chosen.layers, chosen.hidden_size) not in slow
        slow.add((chosen.layers, chosen.hidden_size))
