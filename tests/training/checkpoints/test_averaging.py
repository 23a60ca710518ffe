"""The mean of the last checkpoints, through the command, against numpy's."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from lmkit.training.checkpoints.averaging import averaged_checkpoints
from lmkit.training.checkpoints.layout import find_corruption, newest_first, step_of
from tests.conftest import SMALL_RUN, Lmkit

STEPS = ("--steps", "10", "--save-every", "3", "--keep-checkpoints", "3")


def command(packed: Path, run: Path, *more: str) -> tuple[str | Path, ...]:
    return ("pretrain", packed, "--output", run, *SMALL_RUN, *STEPS, *more)


@pytest.fixture(scope="module")
def run(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lmkit.cli import main

    run = tmp_path_factory.mktemp("averaged") / "run"
    assert main([str(word) for word in command(packed, run, "--average", "3")]) == 0
    return run


def test_it_is_the_mean_of_the_last_checkpoints(run: Path) -> None:
    folders = [run / f"checkpoints/step-{step:08}" for step in (6, 9, 10)]
    parts = [load_file(folder / "model.safetensors") for folder in folders]
    found = load_file(run / "checkpoints/average/model.safetensors")
    assert found.keys() == parts[0].keys()
    for name, values in found.items():
        expected = np.mean([part[name].astype(np.float64) for part in parts], axis=0)
        assert np.array_equal(values, expected.astype(values.dtype)), name
    average = run / "checkpoints/average"
    assert find_corruption(average) is None and step_of(average) == 10
    assert average not in newest_first(run)


def test_its_loss_is_that_of_eval(run: Path, packed: Path, here: Path, lmkit: Lmkit) -> None:
    details = json.loads((run / "manifest.json").read_text())["details"]
    assert details["average"]["steps"] == [6, 9, 10]
    typed = ("eval", run / "checkpoints/average", "--data", packed, "--json", "--device", "cpu")
    exit_code, out, err = lmkit(*typed)
    assert exit_code == 0, err
    assert json.loads(out)["loss"] == pytest.approx(details["average"]["validation_loss"], rel=1e-6)
    assert details["average"]["validation_loss"] != details["validation_loss"]


def test_it_generates_and_is_exported(run: Path, here: Path, lmkit: Lmkit) -> None:
    average = run / "checkpoints/average"
    typed = ("generate", average, "--prompt", "The", "--max-tokens", "3", "--device", "cpu")
    assert lmkit(*typed)[0] == 0
    exit_code, _, err = lmkit("export", average, "--output", "hf")
    assert exit_code == 0, err


def test_a_finished_run_gets_it_later(run: Path, packed: Path, here: Path, lmkit: Lmkit) -> None:
    assert lmkit(*command(packed, Path("plain")))[0] == 0
    before = (Path("plain") / "checkpoints/step-00000010/model.safetensors").read_bytes()
    exit_code, _, err = lmkit(*command(packed, Path("plain"), "--average", "3"))
    assert exit_code == 0, err
    files = [Path(f) / "checkpoints/average/model.safetensors" for f in ("plain", run)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert (Path("plain") / "checkpoints/step-00000010/model.safetensors").read_bytes() == before
    exit_code, _, err = lmkit(*command(packed, Path("plain"), "--average", "3"))
    assert exit_code == 0 and "up to date" in err


def test_a_checkpoint_of_a_stop_is_left_out(tmp_path: Path) -> None:
    for step in (3, 6, 8, 9):
        (tmp_path / f"checkpoints/step-{step:08}").mkdir(parents=True)
    found = averaged_checkpoints(tmp_path, 3, lambda step: step % 3 == 0)
    assert [step_of(each) for each in found] == [3, 6, 9]
    assert averaged_checkpoints(tmp_path, 2, lambda step: step % 3 == 0) == found[1:]


def test_as_many_are_kept_as_are_averaged(packed: Path, here: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*command(packed, Path("run"), "--average", "4"))
    assert exit_code == 2 and "--average: got 4, must be at most --keep-checkpoints" in err
    assert not Path("run").exists()


def test_damage_is_found(run: Path, here: Path, lmkit: Lmkit) -> None:
    shutil.copytree(run, "run")
    path = Path("run/checkpoints/average/model.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    exit_code, _, err = lmkit("generate", path.parent, "--prompt", "The")
    assert exit_code == 2 and "model.safetensors is corrupt" in err
    manifest = json.loads((path.parent / "manifest.json").read_text())
    for step in ("ten", None, True):
        (path.parent / "manifest.json").write_text(json.dumps({**manifest, "step": step}))
        exit_code, _, err = lmkit("generate", path.parent, "--prompt", "The")
        assert exit_code == 2 and "manifest.json is corrupt" in err
