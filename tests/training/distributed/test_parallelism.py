"""Parallel modes: each gives the result of one process, and resumes from any other."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from lmkit.errors import ConfigError
from lmkit.model.options import ModelConfig
from lmkit.training.distributed.parallelism import refuse_mode
from tests.training.launched import SETTINGS, SHAPE, pretrain

STEPS = ("--save-every", "4", "--validate-every", "4")
# Normalized queries and keys, grouped keys, biases: easily forgotten where heads are sharded.
HARD = ("--model.qk-norm", "--model.kv-heads", "2", "--model.biases", "--model.dropout", "0")


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def norms(run: Path) -> list[float]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["gradient_norm"] for line in lines]


def weights(run: Path, step: int) -> dict[str, list[float]]:
    folder = run / "checkpoints" / f"step-{step:08d}"
    both = {}
    for file in ("model.safetensors", "optimizer.safetensors"):
        both |= {name: t.flatten().tolist() for name, t in load_file(folder / file).items()}
    return both


@pytest.fixture(scope="module")
def single_process(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("alone") / "run"
    command = [packed, "--output", run, *SHAPE, *SETTINGS, *HARD, *STEPS, "--steps", "12"]
    done = pretrain(1, *command)
    assert done.returncode == 0, done.stderr
    return run


@pytest.mark.parametrize("mode", ["fsdp", "tensor"])
def test_two_processes_give_the_result_of_one(
    mode: str, single_process: Path, packed: Path, here: Path
) -> None:
    command = [packed, "--output", "run", *SHAPE, *SETTINGS, *HARD, *STEPS, "--steps", "12"]
    done = pretrain(2, *command, "--parallel", mode)
    assert done.returncode == 0, done.stderr
    run = Path("run")
    assert losses(run) == pytest.approx(losses(single_process), rel=1e-5)
    assert norms(run) == pytest.approx(norms(single_process), rel=1e-4)
    one, two = weights(single_process, 12), weights(run, 12)
    assert one.keys() == two.keys()
    for name, numbers in one.items():
        assert two[name] == pytest.approx(numbers, rel=1e-3, abs=1e-5), name
    details = [
        json.loads((r / "manifest.json").read_text())["details"] for r in (single_process, run)
    ]
    assert details[0]["validation_loss"] == pytest.approx(details[1]["validation_loss"], rel=1e-6)


def test_a_run_changes_its_mode_and_its_processes(
    single_process: Path, packed: Path, here: Path
) -> None:
    """Each checkpoint is resumed in another mode: the same batches, and the same losses."""
    command = [packed, "--output", "run", *SHAPE, *SETTINGS, *HARD, *STEPS]
    stages = (
        (2, ["--steps", "12", "--parallel", "fsdp", "--time-limit", "1"], 4),
        (2, ["--steps", "12", "--parallel", "tensor", "--micro-batch", "3"], 8),
        (1, ["--steps", "12", "--micro-batch", "2"], 12),
    )
    decay = ("--schedule.decay-steps", "12")
    for processes, options, until in stages:
        options[1] = str(until)
        done = pretrain(processes, *command, *decay, *options)
        assert done.returncode == 0, done.stderr
    assert losses(Path("run")) == pytest.approx(losses(single_process), rel=1e-5)
    history = (Path("run") / "history.jsonl").read_text()
    assert "--parallel was fsdp, now tensor" in history
    assert "--parallel was tensor, now ddp" in history


def test_uneven_shards_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"--model\.kv-heads: got 2, must be a multiple of the 4"):
        refuse_mode("tensor", 4, ModelConfig.model_validate({"kv_heads": 2}))
    with pytest.raises(ConfigError, match=r"--model\.ffn-size: got 50, must be a multiple of th"):
        refuse_mode("tensor", 4, ModelConfig.model_validate({"heads": 4, "ffn_size": 50}))


def test_muon_trains_sharded_matrices_and_resumes_to_the_bit(packed: Path, here: Path) -> None:
    """Its updates are orthogonalized in bf16, whose rounding makes losses differ a little."""
    options = [*SHAPE, *SETTINGS, *HARD, *STEPS, "--optim.algorithm", "muon"]
    options += ["--schedule.decay-steps", "8"]

    def train(run: str, processes: int, mode: str, steps: int) -> None:
        command = [packed, "--output", run, *options, "--steps", str(steps), "--parallel", mode]
        done = pretrain(processes, *command)
        assert done.returncode == 0, done.stderr

    train("single", 1, "ddp", 8)
    train("straight", 2, "fsdp", 8)
    train("resumed", 2, "fsdp", 4)
    shutil.copytree("resumed", "mixed")
    train("resumed", 2, "fsdp", 8)
    train("mixed", 2, "tensor", 8)
    for name in ("model", "optimizer"):
        file = f"checkpoints/step-00000008/{name}.safetensors"
        assert Path("straight", file).read_bytes() == Path("resumed", file).read_bytes()
    for run in ("straight", "mixed"):
        assert losses(Path(run)) == pytest.approx(losses(Path("single")), rel=1e-3)


def test_weights_of_another_model_are_sharded(
    single_process: Path, packed: Path, here: Path
) -> None:
    options = [*SETTINGS, "--validate-every", "none", "--steps", "2", "--optim.lr", "1e-5"]
    for run, processes in (("one", 1), ("two", 2)):
        command = [packed, "--output", run, *options, "--init-from", single_process]
        done = pretrain(processes, *command, "--parallel", "fsdp")
        assert done.returncode == 0, done.stderr
    assert losses(Path("two")) == pytest.approx(losses(Path("one")), rel=1e-6)
    assert losses(Path("one"))[0] < losses(single_process)[0] - 0.1
