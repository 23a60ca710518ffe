"""Whether a run is compiled, through the command."""

import json
from pathlib import Path

import pytest

from lmkit.commands.pretrain import compile_choice
from tests.commands.pretrain.test_objectives import stopping_after
from tests.commands.pretrain.test_run import metrics, same_run
from tests.conftest import Lmkit, manifest
from tests.training.test_compilation import has_compiler

RUN = (
    *("--model.preset", "tiny-decoder", "--device", "cpu", "--precision", "fp32"),
    *("--batch-tokens", "256", "--validate-every", "none", "--save-every", "2", "--steps", "6"),
)


@has_compiler
def test_a_compiled_run_has_the_losses_of_an_eager_one_and_resumes_exactly(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, option in (("eager", "no"), ("whole", "yes")):
        assert lmkit("pretrain", packed, "--output", name, *RUN, "--compile", option)[0] == 0
    compiled = ("pretrain", packed, "--output", "parts", *RUN, "--compile", "yes")
    monkeypatch.setattr("lmkit.commands.pretrain.run.stop_signals", stopping_after(3))
    assert lmkit(*compiled)[0] == 130
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert lmkit(*compiled)[0] == 0
    assert same_run(Path("whole"), Path("parts"), 6)
    losses = [[row["loss"] for row in metrics(Path(name))] for name in ("eager", "whole")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    recorded = [manifest(Path(name))["details"]["compiled"] for name in ("eager", "whole")]
    assert recorded == [False, True]


def test_what_auto_chose_is_used_again_when_the_run_resumes(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lmkit("pretrain", packed, "--output", "run", *RUN)[0] == 0
    assert json.loads(Path("run/resolved.json").read_text())["compile"] == "no"

    def fail(*_: object) -> bool:
        raise AssertionError("chosen again")

    monkeypatch.setattr(compile_choice, "is_compiled", fail)
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *RUN[:-1], "8")
    assert exit_code == 0, err
    assert len(metrics(Path("run"))) == 8


def test_the_hours_of_a_run_decide_where_they_are_given(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(
        compile_choice, "is_compiled", lambda _option, _device, seconds: asked.append(seconds)
    )
    command = ("pretrain", packed, "--output", "run", *RUN[:-2], "--hours", "0.0005")
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0, err
    assert asked == [pytest.approx(1.8)] * len(asked) and asked


def test_without_a_compiler_yes_is_refused_and_nothing_is_trained(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *RUN, "--compile", "yes")
    assert exit_code == 2 and "--compile: got yes, but there is no C++ compiler" in err
    assert not Path("run/metrics.jsonl").exists()
