"""Folders and runs of an earlier format: named in one line, and a run's model is still used."""

import json
import shutil
from pathlib import Path

import pytest

from lmkit.training.checkpoints.earlier_models import with_present_names
from lmkit.training.checkpoints.trained_model import read_description
from tests.conftest import SMALL_RUN, Lmkit, prose

EARLIER = "made by an earlier lmkit: make it again, or use that version"


def change(file: Path, **values: object) -> None:
    found = json.loads(file.read_text("utf-8")) | values
    file.write_text(json.dumps({k: v for k, v in found.items() if v is not None}), "utf-8")


@pytest.fixture
def earlier(trained: Path, here: Path) -> Path:
    """A run as format 1 described it."""
    run = here / "earlier"
    shutil.copytree(trained, run)
    description = json.loads((run / "model.json").read_text("utf-8"))
    model = description["model"]
    for old, new in {
        "head_width": "head_dim",
        "tied": "tie_embeddings",
        "norm_place": "norm_position",
    }.items():
        model[old] = model.pop(new)
    bos, eos = description["bos"], description["eos"]
    change(run / "model.json", model=model, begin=bos, end=eos, bos=None, eos=None, format=None)
    change(run / "manifest.json", format=None)
    for checkpoint in (run / "checkpoints").glob("step-*"):
        change(checkpoint / "manifest.json", format=None)
    return run


def test_a_folder_of_an_earlier_format_is_refused_in_one_line(here: Path, lmkit: Lmkit) -> None:
    Path("a.txt").write_text("\n".join(prose(3)))
    assert lmkit("clean", "a.txt", "--output", "out")[0] == 0
    change(Path("out/manifest.json"), format=None)
    for command in (
        ["dedup", "out", "--output", "out2"],
        ["clean", "a.txt", "--output", "out"],
        ["inspect", "out"],
        ["train-tokenizer", "out", "--output", "out2"],
    ):
        exit_code, _, err = lmkit(*command)
        assert (exit_code, err) == (2, f"Error: out: {EARLIER}\n")
    assert lmkit("clean", "a.txt", "--output", "out", "--overwrite")[0] == 0
    assert lmkit("dedup", "out", "--output", "out2")[0] == 0


def test_a_folder_of_a_later_format_is_refused(here: Path, lmkit: Lmkit) -> None:
    Path("a.txt").write_text("\n".join(prose(3)))
    assert lmkit("clean", "a.txt", "--output", "out")[0] == 0
    change(Path("out/manifest.json"), format=99)
    exit_code, _, err = lmkit("inspect", "out")
    assert exit_code == 2 and "made by a later lmkit" in err


def test_an_unfinished_folder_of_an_earlier_format_is_refused(here: Path, lmkit: Lmkit) -> None:
    Path("a.txt").write_text("\n".join(prose(3)))
    assert lmkit("clean", "a.txt", "--output", "out")[0] == 0
    plan = json.loads(Path("out/manifest.json").read_text("utf-8"))
    Path("out/.partial").mkdir()
    known = {key: plan[key] for key in ("stage", "lmkit", "config", "inputs")}
    Path("out/.partial/plan.json").write_text(json.dumps(known))
    Path("out/manifest.json").unlink()
    exit_code, _, err = lmkit("clean", "a.txt", "--output", "out")
    assert (exit_code, err) == (2, f"Error: out: {EARLIER}\n")


def test_a_run_of_an_earlier_format_is_neither_resumed_nor_inspected(
    earlier: Path, packed: Path, lmkit: Lmkit
) -> None:
    command = ["pretrain", packed, *SMALL_RUN, "--output", earlier, "--steps", "99"]
    for refused in (command, ["inspect", earlier]):
        exit_code, _, err = lmkit(*refused)
        assert (exit_code, err) == (2, f"Error: {earlier}: {EARLIER}\n")
    exit_code, _, err = lmkit("inspect", next((earlier / "checkpoints").glob("step-*")))
    assert exit_code == 2 and EARLIER in err


def test_the_model_of_an_earlier_run_is_still_used(
    earlier: Path, trained: Path, packed: Path, lmkit: Lmkit
) -> None:
    assert read_description(earlier) == read_description(trained)
    scores = [
        json.loads(lmkit("eval", run, "--data", packed, "--json")[1]) for run in (earlier, trained)
    ]
    assert scores[0] == scores[1]
    asked = ["--prompt", "The", "--max-tokens", "4", "--temperature", "0"]
    assert lmkit("generate", earlier, *asked)[1] == lmkit("generate", trained, *asked)[1]
    assert lmkit("export", earlier, "--output", "hf")[0] == 0
    more = ["--steps", "1", "--init-from", earlier, "--batch-tokens", "64", "--device", "cpu"]
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *more)
    assert exit_code == 0, err


def test_keys_are_renamed_where_they_stand_and_nowhere_else() -> None:
    old = {
        "model": {"tied": False, "layers": 2},
        "objective_options": {"span": {"noise": 0.2, "mean_length": 3.0}, "mlm": {"share": 0.1}},
        "begin": 2,
        "share": "as it is",
    }
    assert with_present_names(old) == {
        "model": {"tie_embeddings": False, "layers": 2},
        "objective_options": {
            "span": {"noise_density": 0.2, "mean_span_length": 3.0},
            "mlm": {"probability": 0.1},
        },
        "bos": 2,
        "share": "as it is",
        "format": 2,
    }
