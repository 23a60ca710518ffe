from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lmkit.cli import main
from lmkit.commands.plan import pilot_runs, propose
from lmkit.training.planning import batch_rule
from tests.conftest import TINY

BUDGET = ("--tokens", "6000", "--pilot-minutes", "0.0001", "--price", "3")
MODEL = TINY[:4]
"""A model of typed size, on a CPU."""


@contextmanager
def tiny() -> Iterator[None]:
    """Let batches, pilot runs and the model that is measured first be as small as the data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_rule, "LEAST_BATCH", 256)
        patch.setattr(batch_rule, "LEAST_STEPS", 10)
        patch.setattr(pilot_runs, "LEAST_POSITIONS", 1024)
        patch.setattr(propose, "FIRST_PARAMETERS", {"cpu": 1e5})
        yield


@pytest.fixture
def tiny_runs() -> Iterator[None]:
    """Let all be small while a test runs, and not in others of the same process."""
    with tiny():
        yield


@pytest.fixture(scope="session")
def planned(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plan for the small packed folder, with pilot runs."""
    output = tmp_path_factory.mktemp("planned") / "plan"
    command = ["plan", packed, *MODEL, *BUDGET, "--output", output]
    with tiny():
        assert main([str(argument) for argument in command]) == 0
    return output
