"""The learning rate of a run that leaves it to the rule, and runs of earlier versions."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.run_defaults import with_recorded_defaults
from tests.commands.dying import signalled
from tests.conftest import SMALL_RUN, Lmkit

STEPS = (
    *("--save-every", "2", "--validate-every", "none", "--schedule.kind", "constant"),
    *("--optim.algorithm", "muon", "--optim.lr", "auto"),  # the defaults
)


def rates(run: Path) -> list[float]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["lr"] for line in lines]


def command(packed: Path, run: str, *more: str) -> tuple[str | Path, ...]:
    return ("pretrain", packed, "--output", run, *SMALL_RUN, *STEPS, *more)


def test_a_run_keeps_its_rate_when_it_is_made_longer(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    exit_code, _, err = lmkit(*command(packed, "run", "--steps", "4"))
    assert exit_code == 0 and "learning rate: " in err
    before = rates(here / "run")
    exit_code, _, err = lmkit(*command(packed, "run", "--steps", "400", "--time-limit", "0.0003"))
    assert f"the learning rate remains {before[-1]:g}" in err
    assert set(rates(here / "run")[4:]) == {before[-1]}


def test_the_manifest_has_the_rate_and_the_word(packed: Path, here: Path, lmkit: Lmkit) -> None:
    assert lmkit(*command(packed, "run", "--steps", "3"))[0] == 0
    manifest = json.loads((here / "run/manifest.json").read_text())
    assert manifest["config"]["optim"]["lr"] == "auto"
    assert manifest["details"]["peak_lr"] == rates(here / "run")[-1]


def test_the_rest_has_a_multiple_of_the_rate(packed: Path, here: Path, lmkit: Lmkit) -> None:
    # One step at rate 0.01 without decay: AdamW moves each weight by the rate, at most.
    from safetensors.numpy import load_file

    typed = ("--steps", "1", "--optim.lr", "0.01", "--optim.weight-decay", "0")
    warm = ("--schedule.warmup-steps", "0", "--optim.algorithm", "muon")
    weights: dict[str, Any] = {}
    for name, factor in (("one", "1"), ("three", "3")):
        run = command(packed, name, *typed, *warm, "--optim.rest-lr-factor", factor)
        assert lmkit(*run)[0] == 0
        step = "checkpoints/step-00000001/model.safetensors"
        weights[name] = load_file(here / name / step)
    norms = [name for name in weights["one"] if name.endswith("norm.weight")]
    for name in norms:  # they start as 1
        moved = [abs(weights[run][name] - 1).max() for run in ("one", "three")]
        assert moved == pytest.approx([0.01, 0.03], rel=1e-3)
    matrix = next(name for name in weights["one"] if name.endswith("feed_forward.down.weight"))
    assert (weights["one"][matrix] == weights["three"][matrix]).all()


def test_the_defaults_resume_to_the_same_bits(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command_line = command(packed, "killed", "--steps", "6")
    typed = [str(word) for word in command_line]
    assert signalled(signal.SIGKILL, 3, *typed).returncode == -signal.SIGKILL
    assert lmkit(*command_line)[0] == 0
    assert lmkit(*command(packed, "straight", "--steps", "6"))[0] == 0
    for name in ("model", "optimizer"):
        file = f"checkpoints/step-00000006/{name}.safetensors"
        assert (here / "killed" / file).read_bytes() == (here / "straight" / file).read_bytes()


def auto(packed: Path, run: str, *more: str) -> tuple[str | Path, ...]:
    words = list(command(packed, run, *more))
    place = words.index("--schedule.warmup-steps")
    words[place + 1] = "auto"
    return (*words, "--optim.lr", "0.02")


def test_a_run_keeps_its_warmup_when_it_is_made_longer(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    # Of 16 steps, 4 are warm-up; of 32 steps, 8 would be.
    stopped = auto(packed, "run", "--steps", "16", "--schedule.kind", "constant")
    typed = [str(word) for word in stopped]
    assert signalled(signal.SIGKILL, 2, *typed).returncode == -signal.SIGKILL
    longer = auto(packed, "run", "--steps", "32", "--schedule.kind", "constant")
    assert lmkit(*longer)[0] == 0
    assert rates(here / "run")[:6] == pytest.approx([0.005, 0.01, 0.015, 0.02, 0.02, 0.02])


def test_an_overridden_warmup_leaves_the_steps_before_as_they_were(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit(*auto(packed, "run", "--steps", "8"))[0] == 0
    override = ("--override", "schedule.warmup-steps", "--schedule.warmup-steps", "40")
    longer = auto(packed, "run", "--steps", "12")
    assert lmkit(*longer, *override)[0] == 0
    found = rates(here / "run")
    assert found[:3] == pytest.approx([0.01, 0.02, 0.02])
    assert found[8:] == pytest.approx([0.02 * step / 40 for step in range(9, 13)])


@pytest.fixture
def earlier(packed: Path, here: Path, lmkit: Lmkit) -> Path:
    """A run as a version made it whose defaults were AdamW and 1e-3."""
    typed = ("--steps", "2", "--optim.algorithm", "adamw", "--optim.lr", "1e-3")
    assert lmkit(*command(packed, "run", *typed))[0] == 0
    return here / "run"


def test_a_run_of_an_earlier_version_resumes_by_its_command(
    earlier: Path, packed: Path, lmkit: Lmkit
) -> None:
    untyped = list(command(packed, "run", "--steps", "4"))
    while "--optim.lr" in untyped or "--optim.algorithm" in untyped:
        name = "--optim.lr" if "--optim.lr" in untyped else "--optim.algorithm"
        place = untyped.index(name)
        del untyped[place : place + 2]
    exit_code, _, err = lmkit(*untyped)
    assert exit_code == 0 and "resuming from step 2" in err
    assert rates(earlier)[2:] == [1e-3, 1e-3]


def test_what_is_typed_wins_over_what_an_earlier_version_had(earlier: Path, packed: Path) -> None:
    typed: dict[str, Any] = {"inputs": [str(packed)], "output": str(earlier)}
    plain = with_recorded_defaults(PretrainConfig.model_validate(typed))
    assert (plain.optim.algorithm, plain.optim.lr) == ("adamw", 1e-3)
    other = PretrainConfig.model_validate(typed | {"optim": {"lr": "auto", "algorithm": "muon"}})
    assert with_recorded_defaults(other).optim == other.optim
    started_over = PretrainConfig.model_validate(typed | {"overwrite": True})
    assert with_recorded_defaults(started_over).optim == started_over.optim


def test_a_run_keeps_the_norms_that_it_has(packed: Path, here: Path, lmkit: Lmkit) -> None:
    shape = ("--model.layers", "1", "--model.hidden-size", "16", "--model.heads", "2")
    steps = ("--batch-tokens", "64", "--device", "cpu", "--precision", "fp32", "--optim.lr", "0.01")
    plain = ("pretrain", packed, "--output", "run", *shape, *steps)
    assert lmkit(*plain, "--steps", "2", "--no-model.qk-norm")[0] == 0
    exit_code, _, err = lmkit(*plain, "--steps", "4")
    assert exit_code == 0 and "resuming from step 2" in err
    assert json.loads((here / "run/model.json").read_text())["model"]["qk_norm"] is False
