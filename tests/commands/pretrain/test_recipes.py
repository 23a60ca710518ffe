"""Options of a run: its length, its optimization, its computation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands.pretrain.test_objectives import stopping_after
from tests.commands.pretrain.test_run import metrics, same_run
from tests.conftest import SMALL_RUN, Lmkit, manifest


def steps(run: str = "run") -> int:
    return manifest(Path(run))["counts"]["more"]["steps"]


def test_tokens_and_epochs_are_rounded_up_to_steps(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, *SMALL_RUN]  # 8 sequences of 32 tokens per step
    assert lmkit(*command, "--output", "tokens", "--tokens", "1000")[0] == 0
    assert steps("tokens") == 4
    rows = manifest(packed)["details"]["train"]["rows"]
    share = 20 / rows
    assert lmkit(*command, "--output", "epochs", "--epochs", str(share))[0] == 0
    assert steps("epochs") == 3
    assert "up to date" in lmkit(*command, "--output", "tokens", "--tokens", "1000")[2]
    exit_code, _, err = lmkit(*command, "--output", "tokens", "--tokens", "1500")
    assert exit_code == 0 and "--tokens was 1000, now 1500" in err
    assert steps("tokens") == 6


def test_a_time_limit_saves_and_ends_with_130(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--output", "run", "--steps", "6"]
    exit_code, _, err = lmkit(*command, "--time-limit", "1e-9")
    assert exit_code == 130 and "hours are over: stopping, with a checkpoint" in err
    assert "the same command resumes" in err
    assert lmkit(*command)[0] == 0 and steps() == 6


@pytest.mark.parametrize(
    "options",
    [
        ("--optim.algorithm", "muon", "--optim.lr", "0.01"),
        ("--schedule.kind", "wsd", "--model.dropout", "0.2", "--activation-checkpointing"),
        ("--precision", "bf16", "--schedule.kind", "inverse-sqrt"),
    ],
)
def test_a_resumed_run_equals_one_that_never_stopped(
    options: tuple[str, ...],
    packed: Path,
    here: Path,
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ["pretrain", packed, *SMALL_RUN, *options, "--steps", "8"]
    assert lmkit(*command, "--output", "straight")[0] == 0
    monkeypatch.setattr("lmkit.commands.pretrain.run.stop_signals", stopping_after(3))
    assert lmkit(*command, "--output", "run")[0] == 130
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert lmkit(*command, "--output", "run")[0] == 0
    assert same_run(Path("straight"), Path("run"), 8)
    assert metrics(Path("run"))[-1]["loss"] < metrics(Path("run"))[0]["loss"]


def test_activation_checkpointing_changes_no_bit(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--steps", "4", "--model.dropout", "0.1"]
    assert lmkit(*command, "--output", "kept")[0] == 0
    assert lmkit(*command, "--output", "twice", "--activation-checkpointing")[0] == 0
    assert same_run(Path("kept"), Path("twice"), 4)


def test_out_of_memory_splits_micro_batches_and_changes_no_result(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from lmkit.training.distributed.parallelism import Parallelism

    command = ["pretrain", packed, *SMALL_RUN, "--steps", "3"]
    assert lmkit(*command, "--output", "roomy")[0] == 0
    call = Parallelism.call

    def tight(self: Parallelism, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if len(batch["tokens_BT"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return call(self, batch)

    monkeypatch.setattr(Parallelism, "call", tight)
    exit_code, _, err = lmkit(*command, "--output", "tight")
    assert exit_code == 0 and "step 1: out of memory; micro-batches are split in 4" in err
    pairs = zip(metrics(Path("roomy")), metrics(Path("tight")), strict=True)
    assert all(a["loss"] == pytest.approx(b["loss"], rel=1e-6) for a, b in pairs)


REFUSED: list[tuple[list[str], str]] = [
    (["--tokens", "9", "--epochs", "1"], "--tokens 9 and --epochs 1.0: both set the length"),
    (["--steps", "5", "--tokens", "9"], "--steps: got 5, but --tokens 9 comes to 1"),
    (["--precision", "fp16"], "--precision: got fp16, but fp16 training needs a GPU"),
    (["--schedule.kind", "step"], "--schedule.kind: got step, must be 'cosine', 'linear'"),
    (["--optim.algorithm", "nothing"], "--optim.algorithm: got nothing, must be 'adamw'"),
    (["--parallel", "pipeline"], "--parallel: got pipeline, must be 'ddp', 'fsdp' or 'tensor'"),
    (["--spike.action", "ignore"], "--spike.action: got ignore, must be 'warn' or 'rollback'"),
    (["--time-limit", "0"], "--time-limit: got 0"),
    (["--micro-batch", "some"], "--micro-batch: got some"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_invalid_options_are_refused_in_a_line(
    options: list[str], message: str, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    exit_code, out, err = lmkit("pretrain", packed, "--output", "run", *SMALL_RUN, *options)
    assert exit_code == 2 and not out and message in " ".join(err.split())
    assert not Path("run").exists()


def test_launchers_that_take_over_training_are_refused(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *SMALL_RUN)
    assert exit_code == 2 and "asks for DeepSpeed" in err and "--parallel fsdp" in err
    monkeypatch.delenv("ACCELERATE_USE_DEEPSPEED")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *SMALL_RUN, "--steps", "1")
    assert exit_code == 0 and "taken as --parallel fsdp" in err
    assert manifest(Path("run"))["config"]["parallel"] == "fsdp"


def planted(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None], step: int) -> None:
    """Change the gradients of one step before anyone looks at them."""
    from lmkit.training.distributed.parallelism import Parallelism

    take, count = Parallelism.collect_gradients, iter(range(1, 10_000))

    def taking(self: Parallelism) -> None:
        take(self)
        if next(count) == step:
            change(self.local_shards[0].local.grad)

    monkeypatch.setattr(Parallelism, "collect_gradients", taking)


@pytest.mark.parametrize("kind", ["nan", "large"])
def test_one_nan_gradient_does_not_harm_the_run(
    kind: str, packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--steps", "60", "--optim.lr", "0.01"]
    assert lmkit(*command, "--output", "clean")[0] == 0

    def change(gradient: Any) -> None:
        if kind == "nan":
            gradient[0, 0] = float("nan")
        else:
            gradient.mul_(1000.0)

    planted(monkeypatch, change, 20)
    exit_code, _, err = lmkit(*command, "--output", "broken")
    assert exit_code == 0
    assert manifest(Path("broken"))["details"]["skipped_steps"] == (1 if kind == "nan" else 0)
    assert ("step 20: the gradient norm is nan" in err) == (kind == "nan")
    clean, broken = (manifest(Path(r))["details"]["validation_loss"] for r in ("clean", "broken"))
    assert broken == pytest.approx(clean, rel=0.02)


def test_a_batch_without_a_target_has_no_loss_and_is_no_spike(here: Path, lmkit: Lmkit) -> None:
    texts = [f"{a} {b}" for a in "abcdefgh" for b in "ijklmnop"]
    Path("a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    lmkit("train-tokenizer", "a.jsonl", "--output", "tok", "--vocab-size", "540")
    packing = ("--sequence-length", "8", "--packing", "document", "--validation", "0")
    assert lmkit("pack", "a.jsonl", "--tokenizer", "tok", "--output", "packed", *packing)[0] == 0
    # One sequence of 5 tokens a batch: with a rate of 0.15, most batches mask nothing.
    encoder = ("--model.preset", "tiny-encoder", "--objective", "mlm", "--batch-tokens", "8")
    rate = ("--schedule.warmup-steps", "1", "--steps", "60", "--spike.action", "rollback")
    exit_code, _, err = lmkit("pretrain", "packed", "--output", "run", *encoder, *rate)
    losses = [line["loss"] for line in metrics(Path("run"))]
    assert exit_code == 0 and losses.count(None) > 5 and len(losses) == 60
    assert err.count("no token of this batch is a target") == 1 and "nan" not in err


def test_growing_a_run_says_what_its_schedule_does(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--output", "run"]
    assert lmkit(*command, "--steps", "4")[0] == 0
    exit_code, _, err = lmkit(*command, "--steps", "8")
    assert exit_code == 0 and "from 4 to 8 steps, the learning rate goes from" in err
    warmup = ("--schedule.warmup-steps", "50", "--steps", "20", "--dry-run")
    exit_code, _, err = lmkit(*command[:-1], "other", *warmup)
    assert exit_code == 0 and "--schedule.warmup-steps 50 is more than the 20 steps" in err


def test_a_change_of_the_dropout_masks_is_said(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--output", "run", "--schedule.decay-steps", "6"]
    command += ["--model.dropout", "0.1"]
    assert lmkit(*command, "--steps", "3", "--micro-batch", "8")[0] == 0
    exit_code, _, err = lmkit(*command, "--steps", "6", "--micro-batch", "4")
    assert exit_code == 0 and "dropout masks change" in err and "learning rate goes" not in err
