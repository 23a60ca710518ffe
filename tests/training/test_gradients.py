"""Token-exact: however a batch is split over micro-batches and ranks, its gradient is the same."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmkit.model.options import ModelConfig
from lmkit.model.positions.registry import POSITIONS
from tests.training.gradients import KINDS, MODES, ROWS, gradients
from tests.training.launched import ENVIRONMENT


def same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one.keys() == other.keys()
    largest = max(np.abs(gradient).max() for gradient in one.values())
    for name, gradient in one.items():
        np.testing.assert_allclose(other[name], gradient, rtol=1e-6, atol=1e-6 * largest)


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gradients")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m"]
    command = [*launcher, "tests.training.gradients", str(folder)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=root)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_micro_batches_of_any_size_add_up_to_the_same(kind: str) -> None:
    whole = gradients(kind, ROWS)
    assert max(np.abs(gradient).max() for gradient in whole.values()) > 1e-3
    for micro_batch in (4, 2, 1):
        same(whole, gradients(kind, micro_batch))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_same_gradients_on_each_rank(
    kind: str, mode: str, two_processes: Path
) -> None:
    """In all modes, and of all position encodings."""
    whole = gradients(kind, ROWS)
    for rank in (0, 1):
        with np.load(two_processes / f"{kind}-{mode}-{rank}.npz") as found:
            same(whole, dict(found))


def test_all_position_encodings_are_among_them() -> None:
    assert {ModelConfig.model_validate(KINDS[kind][0]).position for kind in KINDS} == {*POSITIONS}
