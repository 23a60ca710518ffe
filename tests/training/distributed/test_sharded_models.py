"""A model that is sharded from the start is, and trains, and is saved as, that of one process."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmkit.model.transformer import Transformer
from lmkit.training.checkpoints.layout import find_corruption, name_of
from lmkit.training.checkpoints.save_load import save, snapshot
from lmkit.training.distributed.sharded_weights import local_shards
from lmkit.training.optimizer import optimizer_of_shards
from tests.training.distributed.sharded_models import (
    ALGORITHMS,
    CONFIG,
    SEED,
    UPDATES,
    VOCABULARY,
    Model,
    modes,
    options,
    updated,
)
from tests.training.launched import ENVIRONMENT

FILES = ("model.safetensors", "optimizer.safetensors")
CASES = [
    (processes, mode, algorithm)
    for processes in (2, 3)
    for mode in modes(processes)
    for algorithm in ALGORITHMS
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return the folders of the runs of 2 and of 3 processes."""
    made: dict[int, Path] = {}
    for processes in (2, 3):
        made[processes] = tmp_path_factory.mktemp(f"processes-{processes}")
        command = [sys.executable, "-m", "torch.distributed.run"]
        command += ["--nproc-per-node", str(processes), "--rdzv-backend", "c10d"]
        command += ["--rdzv-endpoint", "localhost:0", "-m"]
        command += ["tests.training.distributed.sharded_models", str(made[processes])]
        root = Path(__file__).parents[3]
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=root)
        assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the runs of one process, which never load a checkpoint."""
    folder = tmp_path_factory.mktemp("single")
    for algorithm in ALGORITHMS:
        run = folder / algorithm
        run.mkdir()
        transformer = Transformer(CONFIG, VOCABULARY, seed=SEED)
        shards = local_shards(transformer)
        model: Model = transformer, shards, optimizer_of_shards(shards, options(algorithm))
        saved(run, 0, model)
        for step in range(1, UPDATES + 1):
            updated(model, step)
        saved(run, UPDATES, model)
        updated(model, UPDATES + 1)
        saved(run, UPDATES + 2, model)
    return folder


def saved(run: Path, step: int, model: Model) -> None:
    transformer, shards, optimizer = model
    save(run, step, snapshot(transformer, optimizer, shards), {"step": step}, keep=9)


def checkpoint(run: Path, step: int) -> Path:
    folder = run / "checkpoints" / name_of(step)
    assert find_corruption(folder) is None
    return folder


@pytest.mark.parametrize(("processes", "mode", "algorithm"), CASES)
def test_the_initial_weights_are_those_of_one_process_to_the_bit(
    processes: int, mode: str, algorithm: str, runs: dict[int, Path], single: Path
) -> None:
    run = runs[processes] / f"{mode}-{algorithm}"
    found, expected = (checkpoint(each, 0) for each in (run, single / algorithm))
    for file in FILES:
        assert (found / file).read_bytes() == (expected / file).read_bytes()


@pytest.mark.parametrize(("processes", "mode", "algorithm"), CASES)
def test_updates_are_those_of_one_process(
    processes: int, mode: str, algorithm: str, runs: dict[int, Path], single: Path
) -> None:
    """Of the same gradients: after three updates, and after a fourth of what was loaded."""
    run = runs[processes] / f"{mode}-{algorithm}"
    for step in (UPDATES, UPDATES + 2):
        for file in FILES:
            found, expected = (
                load_file(checkpoint(each, step) / file) for each in (run, single / algorithm)
            )
            assert found.keys() == expected.keys()
            for name, tensor in expected.items():
                torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-7, msg=name)


@pytest.mark.parametrize(("processes", "mode", "algorithm"), CASES)
def test_what_is_loaded_is_what_was_saved(
    processes: int, mode: str, algorithm: str, runs: dict[int, Path]
) -> None:
    run = runs[processes] / f"{mode}-{algorithm}"
    before, after = (checkpoint(run, step) for step in (UPDATES, UPDATES + 1))
    for file in FILES:
        assert (before / file).read_bytes() == (after / file).read_bytes()


@pytest.mark.parametrize(("processes", "mode", "algorithm"), CASES)
def test_a_streamed_file_has_the_bytes_of_the_library(
    processes: int, mode: str, algorithm: str, runs: dict[int, Path], tmp_path: Path
) -> None:
    run = runs[processes] / f"{mode}-{algorithm}"
    for file in FILES:
        streamed = checkpoint(run, UPDATES) / file
        save_file(load_file(streamed), tmp_path / file)
        assert streamed.read_bytes() == (tmp_path / file).read_bytes()


@pytest.mark.parametrize(("processes", "mode", "algorithm"), CASES)
def test_a_full_disk_leaves_the_older_checkpoints_and_nothing_else(
    processes: int, mode: str, algorithm: str, runs: dict[int, Path]
) -> None:
    folder = runs[processes] / f"{mode}-{algorithm}" / "checkpoints"
    steps = [0, UPDATES, UPDATES + 1, UPDATES + 2]
    assert sorted(path.name for path in folder.iterdir()) == [
        "index.json",
        *(name_of(step) for step in steps),
    ]
