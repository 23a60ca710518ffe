import json
import os
import shutil
import signal
import tomllib
from pathlib import Path

import pytest

import lmkit as api
from lmkit.commands.plan import pilot_runs
from lmkit.commands.plan.planned_runs import PlannedRuns
from tests.commands.plan.conftest import BUDGET, MODEL
from tests.conftest import Lmkit, contents, manifest

pytestmark = pytest.mark.usefixtures("tiny_runs")


def test_a_plan_has_all_that_a_run_needs_to_be_decided(planned: Path) -> None:
    found = json.loads((planned / "plan.json").read_text())
    row = found["chosen"]
    # The published shape of tiny-decoder.
    assert (row["layers"], row["hidden_size"], row["heads"]) == (2, 64, 2)
    assert row["tokens"] == row["steps"] * row["batch_tokens"] == pytest.approx(6_000, rel=0.1)
    assert 0 < row["low"] < row["loss"] < row["high"]
    assert row["seconds"] > 0 and row["memory"] > 0 and row["is_measured"]
    assert found["cost"] == pytest.approx(3 * row["seconds"] / 3600)
    assert len(found["pilots"]) == 3
    assert {path.name for path in planned.iterdir()} == {
        *("config.toml", "plan.json", "manifest.json")
    }


def test_pretrain_takes_its_config_and_has_the_planned_steps(
    planned: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    proposal = json.loads((planned / "plan.json").read_text())
    row = proposal["chosen"]
    table = tomllib.loads((planned / "config.toml").read_text())["pretrain"]
    assert table["inputs"] == [str(packed)] and "lr" not in table.get("optim", {})
    command = ["pretrain", "--config", planned / "config.toml", "--output", "run", "--dry-run"]
    # auto is measured, and on a loaded machine not always the same.
    precision = next(name for name in ("fp32", "bf16") if name in proposal["device"])
    exit_code, out, err = lmkit(*command, "--json", "--precision", precision)
    assert exit_code == 0, err
    found = json.loads(out)
    assert found["steps"] == row["steps"] and found["tokens_per_step"] == row["batch_tokens"]
    assert sum(found["parameters"].values()) == row["parameters"]
    assert sum(found["memory"].values()) == row["memory"]


def test_the_same_again_is_up_to_date_and_a_change_is_named(
    planned: Path, packed: Path, lmkit: Lmkit
) -> None:
    before = contents(planned)
    exit_code, out, err = lmkit("plan", packed, *MODEL, *BUDGET, "--output", planned)
    assert exit_code == 0 and err.endswith("up to date\n") and "validation loss" in out
    assert contents(planned) == before
    changed = ["--tokens", "9000", "--output", str(planned)]
    exit_code, _, err = lmkit("plan", packed, *MODEL, *BUDGET[2:], *changed)
    assert exit_code == 2 and "tokens was 6000, now 9000" in err


def test_its_output_names_what_it_rests_on_and_what_to_run_next(
    planned: Path, packed: Path, lmkit: Lmkit
) -> None:
    _, out, _ = lmkit("plan", packed, *MODEL, *BUDGET, "--output", planned)
    assert "adjusted to 3 pilot runs and 0 earlier runs on this data" in out
    assert f"lmkit pretrain --config {planned}/config.toml --output {planned.parent}/run" in out
    assert "cost" in out and "with 90% between" in out and "bits per byte" in out


def test_without_an_output_the_plan_is_only_printed(packed: Path, here: Path, lmkit: Lmkit) -> None:
    command = ["plan", packed, "--device", "cpu", "--tokens", "20000", "--pilot-minutes", "none"]
    exit_code, out, err = lmkit(*command, "--json")
    assert exit_code == 0, err
    found = json.loads(out)
    assert list(here.iterdir()) == [] and found["pilots"] == []
    sizes = [row["parameters"] for row in found["sizes"]]
    assert sizes == sorted(sizes) and found["chosen"] in found["sizes"] and len(sizes) >= 3
    assert "with nothing measured on this data" in found["rests_on"][0]


def test_an_objective_that_the_law_is_not_about_has_a_plan_but_no_loss(
    packed: Path, lmkit: Lmkit
) -> None:
    command = ["plan", packed, "--device", "cpu", "--model.preset", "tiny-encoder"]
    exit_code, out, err = lmkit(*command, "--flops", "1e10", "--pilot-minutes", "none", "--json")
    assert exit_code == 0, err
    found = json.loads(out)
    assert found["objective"] == "mlm" and found["architecture"] == "encoder"
    assert found["chosen"]["loss"] is None and found["chosen"]["seconds"] > 0
    assert "not predicted" in found["rests_on"][0]


def test_an_interrupted_plan_resumes_its_pilot_runs(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    train = PlannedRuns.train

    def interrupted(self: PlannedRuns, size: object, positions: float, output: Path) -> object:
        if len(trained) == 1:
            trained.append("interrupted")
            os.kill(os.getpid(), signal.SIGINT)
        trained.append(output.name)
        return train(self, size, positions, output)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(PlannedRuns, "train", interrupted)
    command = ["plan", packed, *MODEL, *BUDGET, "--output", "plan"]
    exit_code, _, err = lmkit(*command)
    assert exit_code == 130 and "resume" in err
    runs = Path("plan/.partial/runs")
    first, sizes = contents(runs / "pilot-1"), (runs / pilot_runs.PILOTS).read_bytes()
    kept: dict[str, bytes] = {}
    finish = PlannedRuns.train

    def checked(self: PlannedRuns, size: object, positions: float, output: Path) -> object:
        found = finish(self, size, positions, output)  # pyright: ignore[reportArgumentType]
        kept.update(contents(runs / "pilot-1") | {"sizes": (runs / pilot_runs.PILOTS).read_bytes()})
        return found

    monkeypatch.setattr(PlannedRuns, "train", checked)
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0 and "pilot-1: up to date" in err
    assert kept == first | {"sizes": sizes}
    assert manifest(Path("plan"))["counts"]["more"] == {"pilots": 3}


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("parameters", 0),
        ("tokens", 10**30),
        ("seconds", None),
        ("loss", float("nan")),
        ("memory", "x"),
    ],
)
def test_a_damaged_plan_is_named(
    planned: Path, packed: Path, here: Path, lmkit: Lmkit, name: str, damaged: object
) -> None:
    shutil.copytree(planned, "plan")
    file = Path("plan/plan.json")
    found = json.loads(file.read_text())
    found["chosen"][name] = damaged
    file.write_text(json.dumps(found))
    listed = manifest(Path("plan"))
    for output in listed["outputs"]:
        if output["name"] == "plan.json":
            output["bytes"] = file.stat().st_size
    Path("plan/manifest.json").write_text(json.dumps(listed))
    exit_code, out, err = lmkit("plan", packed, *MODEL, *BUDGET, "--output", "plan")
    assert (exit_code, out) == (2, "")
    assert "--output: plan/plan.json is damaged\nHint: make it again: --overwrite" in err


@pytest.mark.parametrize("budget", [["--flops", "1e30"], ["--tokens", "1000000000000000000"]])
def test_an_absurd_budget_has_a_plan(packed: Path, lmkit: Lmkit, budget: list[str]) -> None:
    command = ["plan", packed, *MODEL, *budget, "--pilot-minutes", "none", "--json"]
    exit_code, out, err = lmkit(*command)
    assert exit_code == 0, err
    assert json.loads(out)["chosen"]["tokens"] == pytest.approx(1e18, rel=0.01)


PILOTS = Path("plan/.partial/runs") / pilot_runs.PILOTS


@pytest.mark.parametrize(
    "damaged",
    [
        "{",
        '{"runs": []}',
        '{"runs": [{"size": null, "positions": 1e17}]}',
        '{"runs": [{"size": [4, 1000000000, 1], "positions": 1000}]}',
    ],
)
def test_damaged_pilot_runs_are_named_and_made_again(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    command = ["plan", packed, *MODEL, *BUDGET, "--output", "plan"]
    with monkeypatch.context() as patch:
        patch.setattr(PlannedRuns, "train", interrupted)
        assert lmkit(*command)[0] == 130
    PILOTS.write_text(damaged)
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2
    assert f"{PILOTS}: damaged\nHint: start the pilot runs again: --overwrite" in err
    exit_code, _, err = lmkit(*command, "--overwrite")
    assert exit_code == 0, err


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["PACKED"], "--hours: missing; give it, or --tokens or --flops"),
        (["PACKED", "--hours", "1", "--flops", "1e15"], "--hours: got --flops, too"),
        (["PACKED", "--hours", "0"], "--hours: got 0, must be more than 0"),
        (["PACKED", "--hours", "1", "--pilot-minutes", "-1"], "--pilot-minutes: got -1"),
        (["PACKED", "--hours", "1", "--price", "-1"], "--price: got -1, must be at least 0"),
        (["--hours", "1"], "INPUTS: got 0, must be one or more packed folders"),
        (["nowhere", "--hours", "1"], "nowhere: no such folder"),
        (["PACKED", "--hours", "1", "--runs", "nowhere"], "--runs: nowhere: no such folder"),
        (["PACKED", "--hours", "1", "--runs", "PACKED"], "no finished run"),
        (["PACKED", "--hours", "1", "--model.heads", "7"], "--model.hidden-size"),
        (["PACKED", "--hours", "1e-6", "--device", "cpu"], "--hours: got 1e-06, but loading"),
        (["PACKED", "--hours", "1", "--output", "PACKED"], "PACKED"),
        (
            ["PACKED", "--tokens", "100", "--device", "cpu"],
            "--tokens: got 100, which is about 100 tokens, and a single step has 256",
        ),
        (["PACKED", "--flops", "1", "--device", "cpu"], "--flops: got 1, which is about 0 tokens"),
        (["PACKED", "--hours", "nan"], "--hours: got nan, must be a finite number"),
        (["PACKED", "--hours", "1", "--price", "1e308"], "--price: got 1e308, must be at most"),
        (
            ["PACKED", "--hours", "1", "--pilot-minutes", "non"],
            "--pilot-minutes: got non, must be a number or 'auto'",
        ),
    ],
)
def test_what_cannot_be_planned_is_an_error(
    packed: Path, here: Path, lmkit: Lmkit, typed: list[str], message: str
) -> None:
    given = [str(packed) if each == "PACKED" else each for each in typed]
    exit_code, out, err = lmkit("plan", *given)
    assert (exit_code, out) == (2, "")
    assert message.replace("PACKED", str(packed)) in err


def test_it_runs_in_one_process(
    packed: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    exit_code, _, err = lmkit("plan", packed, "--hours", "1")
    assert exit_code == 2 and "--processes 2" in err


def test_python_gets_the_proposal(packed: Path, here: Path) -> None:
    config = api.PlanConfig.model_validate(
        {"inputs": [packed], "tokens": 5_000, "pilot_minutes": "none", "device": "cpu"}
        | {"processes": 2, "model": {"preset": "tiny-decoder"}}
    )
    found = api.plan(config)
    assert found.chosen.hidden_size == 64 and found.processes == 2
    assert "validation loss" in repr(found)
