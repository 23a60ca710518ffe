"""Runs that resume with other options on purpose, and batches that grow."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from lmkit.artifacts.manifest import Manifest, read
from tests.conftest import SMALL_RUN, Lmkit

LENGTH = 32
"""Tokens of a sequence of `packed`."""
STEPS = ("--save-every", "3", "--validate-every", "none", "--keep-checkpoints", "9")
BEFORE = ("--optim.lr", "1e-3", "--schedule.kind", "linear")
AFTER = ("--optim.lr", "2e-3", "--schedule.kind", "constant", "--batch-tokens", "96")
OVERRIDES = ("optim.lr", "schedule.kind", "batch-tokens")
TYPED = tuple(word for name in OVERRIDES for word in ("--override", name))


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def weights(run: Path, step: int) -> dict[str, bytes]:
    folder = run / f"checkpoints/step-{step:08}"
    files = ("model.safetensors", "optimizer.safetensors")
    return {
        name: array.tobytes() for file in files for name, array in load_file(folder / file).items()
    }


def lose_checkpoints(run: Path, *steps: int) -> None:
    """Make a finished run one that was killed earlier."""
    for step in steps:
        shutil.rmtree(run / f"checkpoints/step-{step:08}")
    manifest = json.loads((run / "manifest.json").read_text())
    plan = {key: manifest[key] for key in ("format", "stage", "lmkit", "config", "inputs")}
    (run / ".partial").mkdir()
    (run / ".partial/plan.json").write_text(json.dumps(plan))
    (run / "manifest.json").unlink()


def command(packed: Path, run: Path, *more: str) -> tuple[str | Path, ...]:
    return ("pretrain", packed, "--output", run, *SMALL_RUN, *STEPS, *more)


@pytest.fixture(scope="module")
def half(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six steps of a run that will be overridden."""
    from lmkit.cli import main

    run = tmp_path_factory.mktemp("half") / "run"
    typed = command(packed, run, *BEFORE, "--steps", "6", "--schedule.decay-steps", "12")
    assert main([str(word) for word in typed]) == 0
    return run


@pytest.fixture
def run(half: Path, here: Path) -> Path:
    shutil.copytree(half, "run")
    return Path("run")


def resumed(packed: Path, run: Path, steps: int = 12) -> tuple[str | Path, ...]:
    more = ("--steps", str(steps), "--schedule.decay-steps", "12")
    return command(packed, run, *BEFORE, *AFTER, *more, *TYPED)


def test_the_steps_to_come_have_the_new_options(packed: Path, run: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*resumed(packed, run))
    assert exit_code == 0, err
    assert "resuming from step 6: --optim.lr was 0.001, now 0.002" in err
    # A linear schedule from step 2 to a tenth at step 12; then a constant one.
    line = [1e-3 * (0.1 + 0.9 * (12 - step) / 10) for step in range(3, 7)]
    rates = [row["lr"] for row in lines(run)]
    assert rates == pytest.approx([0.5e-3, 1e-3, *line, *[2e-3] * 6])
    tokens = [row["tokens"] for row in lines(run)]
    assert tokens[5] == 6 * 256 and tokens[11] == 6 * 256 + 6 * 96
    history = [json.loads(each) for each in (run / "history.jsonl").read_text().splitlines()]
    assert history[-1]["step"] == 6 and len(history[-1]["changes"]) >= 3
    manifest = read(Manifest, run / "manifest.json")
    assert manifest is not None
    assert manifest.config["optim"]["lr"] == 2e-3 and "override" not in manifest.config


def test_it_reads_on_where_it_stopped(packed: Path, run: Path, lmkit: Lmkit) -> None:
    assert lmkit(*resumed(packed, run))[0] == 0
    sequences = 6 * 8 + 6 * 3
    mixture = json.loads((run / "manifest.json").read_text())["details"]["mixture"]
    assert [each["rows_read"] for each in mixture] == [sequences]


def test_an_overridden_run_resumes_bit_by_bit(packed: Path, run: Path, lmkit: Lmkit) -> None:
    shutil.copytree(run, "other")
    assert lmkit(*resumed(packed, run))[0] == 0
    other = Path("other")
    assert lmkit(*resumed(packed, other, steps=9))[0] == 0
    # So steps are trained again that had the first options.
    lose_checkpoints(other, 6, 9)
    exit_code, _, err = lmkit(*resumed(packed, other))
    assert exit_code == 0, err
    assert "resuming from step 3" in err
    assert weights(run, 12) == weights(other, 12)
    assert [row["lr"] for row in lines(run)] == [row["lr"] for row in lines(other)]


def test_another_value_needs_to_be_meant(packed: Path, run: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(
        *command(packed, run, "--optim.lr", "2e-3", *BEFORE[2:], "--steps", "8")
    )
    assert exit_code == 2 and "--schedule.decay-steps was 12, now none" in err
    assert "--override optim.lr --override schedule.decay-steps" in err.replace("\n", " ")
    more = ("--override", "optim.lr", "--schedule.decay-steps", "12", "--seed", "3")
    exit_code, _, err = lmkit(*command(packed, run, *BEFORE, "--steps", "8", *more))
    assert exit_code == 2 and "--seed was 0, now 3" in err and "--override" not in err


def test_there_must_be_something_to_override(packed: Path, run: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*resumed(packed, Path("new")))
    assert exit_code == 2 and "new holds no run" in err and not Path("new").exists()
    exit_code, _, err = lmkit(*resumed(packed, run, steps=6))
    assert exit_code == 2 and "has trained all of its 6 steps" in err.replace("\n", " ")
    exit_code, _, err = lmkit(*resumed(packed, run), "--overwrite")
    assert exit_code == 2 and "starts over" in err
    exit_code, _, err = lmkit(*command(packed, run, "--override", "seed"))
    assert exit_code == 2 and "--override: got seed" in err and "optim.lr" in err


RAMP = ("--ramp.batch-tokens", "64", "--ramp.steps", "6", "--steps", "10")
SIZES = [2, 3, 4, 5, 6, 7, 8, 8, 8, 8]
"""Sequences of each step, from 2 to 8 in six equal rises."""


def test_a_batch_grows(packed: Path, here: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*command(packed, Path("run"), *RAMP))
    assert exit_code == 0, err
    assert "batch: rising from 2 to 8 sequences" in err.replace("\n", " ")
    tokens = [row["tokens"] for row in lines(Path("run"))]
    assert tokens == [LENGTH * sum(SIZES[:step]) for step in range(1, 11)]


def test_a_growing_batch_resumes_bit_by_bit(packed: Path, here: Path, lmkit: Lmkit) -> None:
    assert lmkit(*command(packed, Path("run"), *RAMP))[0] == 0
    shutil.copytree("run", "other")
    lose_checkpoints(Path("other"), 6, 9, 10)
    exit_code, _, err = lmkit(*command(packed, Path("other"), *RAMP))
    assert exit_code == 0, err
    assert weights(Path("run"), 10) == weights(Path("other"), 10)


def test_tokens_of_a_growing_batch_are_steps(packed: Path, here: Path, lmkit: Lmkit) -> None:
    more = ("--ramp.batch-tokens", "64", "--ramp.steps", "6", "--tokens", str(LENGTH * 21))
    exit_code, _, err = lmkit(*command(packed, Path("run"), *more))
    assert exit_code == 0, err
    assert len(lines(Path("run"))) == 6  # 2 + 3 + 4 + 5 + 6 are 20


def test_a_ramp_has_to_be_complete_and_to_rise(packed: Path, here: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*command(packed, Path("run"), "--ramp.steps", "6"))
    assert exit_code == 2 and "--ramp.steps: needs --ramp.batch-tokens, too" in err
    exit_code, _, err = lmkit(*command(packed, Path("run"), *RAMP, "--ramp.batch-tokens", "999"))
    assert exit_code == 2 and "must be at most --batch-tokens, which is 256" in err
