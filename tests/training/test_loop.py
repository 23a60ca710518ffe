import json
import math
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lmkit.errors import LmkitError
from lmkit.packing.token_rows import SequenceBatch
from lmkit.training.checkpoints import save_load as checkpoint
from lmkit.training.data.sequence_order import rows_at
from lmkit.training.loop import MAX_SKIPPED_IN_A_ROW, Hooks, Progress
from lmkit.training.metrics import OF_THE_MACHINE, Record
from tests.training.tiny import RECIPE, RaggedRows, Run, TinyModel
from tests.training.two_processes import BATCHES


def assert_close(one: Run, other: Run, tolerance: float) -> None:
    np.testing.assert_allclose(one.losses, other.losses, rtol=tolerance)
    for name, weight in one.weights.items():
        torch.testing.assert_close(weight, other.weights[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("micro_batch", [4, 3, 2, 1])
def test_the_size_of_a_micro_batch_changes_no_result(micro_batch: int) -> None:
    whole, cut = Run(), Run()
    whole.train()
    cut.train(micro_batch=micro_batch)
    assert_close(whole, cut, 1e-6)
    norms = [[r.gradient_norm for r in run.records] for run in (whole, cut)]
    np.testing.assert_allclose(*norms, rtol=1e-5)


def test_the_first_loss_is_the_mean_over_all_targets_of_the_batch() -> None:
    run = Run()
    run.train(steps=1, micro_batch=3)
    batch = RaggedRows().read(rows_at(RECIPE.seed, 0, 8, 13))
    model = TinyModel()
    summed = model(torch.from_numpy(batch.tokens_BT), torch.from_numpy(batch.following_BT))
    targets = int((batch.following_BT != -100).sum())
    assert run.losses[0] == pytest.approx(summed.item() / targets, rel=1e-6)
    assert run.records[0].tokens == int(batch.documents_BT.sum())


def test_the_update_is_that_of_torch_with_a_mean_loss() -> None:
    run, model = Run(), TinyModel()
    run.train(steps=1, schedule=RECIPE.schedule.model_copy(update={"warmup_steps": 1}))
    batch = RaggedRows().read(rows_at(RECIPE.seed, 0, 8, 13))
    optim = RECIPE.optim
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, optim.lr, (0.9, 0.95), 1e-8, 0.1, foreach=False)
    targets = torch.from_numpy(batch.following_BT)
    (model(torch.from_numpy(batch.tokens_BT), targets) / (targets != -100).sum()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    reference.step()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(run.weights[name], weight.detach(), rtol=1e-6, atol=1e-7)


def test_measuring_the_updates_changes_no_result_and_is_done_when_it_is_due() -> None:
    plain, measured = Run(dropout=0.3), Run(dropout=0.3)
    plain.train()
    weights = [measured.weights]
    measured.train(
        measure_every=4,
        hooks=Hooks(
            on_beat=lambda step, what: what == "computing" and weights.append(measured.weights)
        ),
    )
    assert plain.losses == measured.losses
    for name, weight in plain.weights.items():
        assert torch.equal(weight, measured.weights[name])
    assert [r.step for r in measured.records if r.update_ratio] == [4, 8]
    before, after = weights[4], weights[5]  # step 4, after its three predecessors
    ratio = measured.records[3].update_ratio
    assert ratio and list(ratio) == ["embedding", "hidden"]
    for part in ratio:
        old, new = before[f"{part}.weight"], after[f"{part}.weight"]
        assert ratio[part] == pytest.approx(((new - old).norm() / old.norm()).item(), rel=1e-5)


def test_the_time_that_a_step_waits_for_its_sequences_is_recorded() -> None:
    class Slow(RaggedRows):
        def read(self, rows: NDArray[np.int64]) -> SequenceBatch:
            time.sleep(0.05)
            return super().read(rows)

    run = Run(rows=Slow())
    run.train(steps=6)
    waits = [record.data_wait_seconds or 0 for record in run.records]
    assert waits[0] >= 0.05 and all(wait > 0 for wait in waits)  # nothing was read before the first


def of_the_model(record: Record) -> dict[str, Any]:
    return {name: value for name, value in asdict(record).items() if name not in OF_THE_MACHINE}


def test_a_resumed_run_equals_one_that_never_stopped_to_the_bit(tmp_path: Path) -> None:
    straight = Run(dropout=0.3)
    straight.train(measure_every=2)

    first = Run(dropout=0.3)
    progress = first.train(
        measure_every=2, hooks=Hooks(should_stop=lambda: len(first.records) == 4)
    )
    assert progress.step == 5
    copy = checkpoint.snapshot(first.model, first.optimizer)
    checkpoint.save(tmp_path, progress.step, copy, asdict(progress))

    second = Run(dropout=0.3)
    state = checkpoint.load(tmp_path, second.model, second.optimizer, pytest.fail)
    assert second.train(Progress(**state), measure_every=2).step == 10
    kept = [of_the_model(record) for record in [*first.records, *second.records]]
    assert kept == [of_the_model(record) for record in straight.records]
    for name, weight in straight.weights.items():
        assert torch.equal(weight, second.weights[name])


def test_dropout_is_on_after_validation() -> None:
    plain, validated = Run(dropout=0.3), Run(dropout=0.3)
    plain.train()

    def validate() -> float:
        validated.model.eval()
        torch.rand(7)
        return 2.5

    validated.train(hooks=Hooks(validate=validate), validate_every=3)
    assert plain.losses == validated.losses
    measured = [r.step for r in validated.records if r.validation_loss == 2.5]
    assert measured == [3, 6, 9, 10]


def test_it_is_saved_when_due_and_at_the_end_each_with_its_validation() -> None:
    run, saved = Run(), []
    hooks = Hooks(validate=lambda: 1.5, on_save=saved.append)
    run.train(hooks=hooks, validate_every=8, save_every=4)
    assert [(s.step, s.validation_loss) for s in saved] == [(4, None), (8, 1.5), (10, 1.5)]
    assert [s.tokens for s in saved] == [run.records[s.step - 1].tokens for s in saved]


def test_a_run_that_is_stopped_is_saved_once() -> None:
    run, saved = Run(), []
    hooks = Hooks(should_stop=lambda: len(run.records) >= 3, on_save=saved.append)
    assert run.train(hooks=hooks, save_every=2).step == 4
    assert [s.step for s in saved] == [2, 4]


def test_a_run_that_is_done_does_nothing() -> None:
    run, saved = Run(), []
    done = Progress(step=10, tokens=99)
    assert run.train(done, Hooks(on_save=saved.append)) == done
    assert run.records == saved == []


class NanGradientModel(TinyModel):
    """A model whose gradient is NaN at chosen calls, with a finite loss."""

    def __init__(self, nan_calls: range) -> None:
        super().__init__()
        self.calls, self.nan_calls = 0, nan_calls

    def forward(
        self, tokens_BT: torch.Tensor, targets_BT: torch.Tensor, **_: torch.Tensor | None
    ) -> torch.Tensor:
        self.calls += 1
        nll = super().forward(tokens_BT, targets_BT)
        if self.calls in self.nan_calls:
            nll.register_hook(lambda gradient: gradient * math.nan)
        return nll


def run_with_nan_gradients(nan_calls: range) -> Run:
    run = Run()
    run.model.__class__ = NanGradientModel
    run.model.calls, run.model.nan_calls = 0, nan_calls
    return run


def test_a_step_with_a_nan_in_the_gradient_changes_nothing_and_is_reported() -> None:
    run, warnings, before = run_with_nan_gradients(range(4, 6)), [], {}

    def keep_weights() -> bool:
        before[len(run.records) + 1] = run.weights
        return False

    progress = run.train(hooks=Hooks(warn=warnings.append, should_stop=keep_weights))
    assert progress.skipped == 2
    assert len(warnings) == 2 and "step 4" in warnings[0] and "skipped" in warnings[0]
    for name, weight in before[4].items():
        assert torch.equal(weight, before[6][name])
        assert not torch.equal(weight, before[7][name])
        assert run.weights[name].isfinite().all()
    assert run.optimizer.state[run.model.embedding.weight]["step"] == 8


def test_too_many_skipped_steps_in_a_row_end_the_run_with_intact_weights() -> None:
    run = run_with_nan_gradients(range(3, 1000))
    with pytest.raises(LmkitError, match="diverged") as error:
        run.train(steps=50)
    assert error.value.hint is not None and "--optim.lr" in error.value.hint
    assert f"step {2 + MAX_SKIPPED_IN_A_ROW}:" in str(error.value)
    assert all(weight.isfinite().all() for weight in run.weights.values())


def test_an_error_while_reading_reaches_the_caller() -> None:
    sixth = rows_at(RECIPE.seed, 5 * 8, 8, 13).tolist()

    class Broken(RaggedRows):
        def read(self, rows: np.ndarray) -> SequenceBatch:
            if any(rows[first : first + 8].tolist() == sixth for first in range(0, len(rows), 8)):
                raise OSError("the disk is gone")
            return super().read(rows)

    run = Run(rows=Broken())
    with pytest.raises(OSError, match="the disk is gone"):
        run.train()
    assert len(run.records) == 5


def test_each_step_reads_the_sequences_of_the_order() -> None:
    run = Run()
    run.train(micro_batch=3)
    read = [row for rows in run.rows.rows_read for row in rows]
    wanted = [rows_at(RECIPE.seed, (step - 1) * 8, 8, 13) for step in range(1, 11)]
    assert read == np.concatenate(wanted).tolist()


def test_the_loss_decreases_and_bf16_follows_fp32() -> None:
    exact, rounded = Run(), Run(precision="bf16")
    exact.train(steps=15)
    rounded.train(steps=15)
    assert exact.losses[-1] < 0.5 * exact.losses[0]
    assert rounded.losses != exact.losses
    np.testing.assert_allclose(rounded.losses, exact.losses, rtol=0.05)


def test_a_batch_without_a_target_leaves_no_nan() -> None:
    class Targetless(RaggedRows):
        def read(self, rows: np.ndarray) -> SequenceBatch:
            read = super().read(rows)
            return replace(read, following_BT=np.full_like(read.following_BT, -100))

    run = Run(rows=Targetless())
    assert run.train(steps=2).skipped == 0
    assert all(math.isnan(loss) for loss in run.losses)
    assert all(weight.isfinite().all() for weight in run.weights.values())


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "--module", "tests.training.two_processes", str(folder)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    ranks = [json.loads((folder / f"rank-{rank}.json").read_text("utf-8")) for rank in (0, 1)]
    assert [values["processes"] for values in ranks] == [2, 2]
    return ranks


@pytest.mark.parametrize("global_batch_size", BATCHES)
def test_two_processes_give_the_result_of_one(
    two_processes: list[dict[str, Any]], global_batch_size: int
) -> None:
    one = Run()
    one.train(global_batch_size=global_batch_size, micro_batch=3)
    for two in (values[str(global_batch_size)] for values in two_processes):
        np.testing.assert_allclose(two["losses"], one.losses, rtol=1e-5)
        assert two["tokens"] == [record.tokens for record in one.records]
        for name, weight in one.weights.items():
            np.testing.assert_allclose(two["weights"][name], weight, rtol=1e-5, atol=1e-5)


def test_processes_stop_together_when_one_gets_the_signal(
    two_processes: list[dict[str, Any]],
) -> None:
    assert [values["stopped after"] for values in two_processes] == [3, 3]
