from types import SimpleNamespace
from typing import Any

import pytest

from lmkit.errors import ConfigError
from lmkit.training.data.batch_sizes import BatchSize, BatchSizes
from lmkit.training.run_length import requested_steps, steps_of

ROWS: dict[str, Any] = {
    "batch_sizes": BatchSizes(BatchSize.constant(4)),
    "sequence_length": 100,
    "rows": 10,
}


def test_tokens_and_epochs_are_converted_to_steps() -> None:
    assert steps_of(7, None, None, **ROWS) == 7
    assert steps_of(7, 400, None, **ROWS) == 1
    assert steps_of(7, 401, None, **ROWS) == 2
    assert steps_of(7, None, 1, **ROWS) == 3  # ten sequences, four per batch
    assert steps_of(7, None, 0.4, **ROWS) == 1


def options(**given: float) -> SimpleNamespace:
    return SimpleNamespace(
        **{"steps": 1_000, "tokens": None, "epochs": None, "hours": None} | given
    )


def test_two_lengths_must_not_disagree() -> None:
    assert requested_steps(options(), as_typed=False, **ROWS) == 1_000
    assert requested_steps(options(tokens=401), as_typed=False, **ROWS) == 2
    assert requested_steps(options(tokens=401, steps=2), as_typed=True, **ROWS) == 2
    with pytest.raises(ConfigError, match="--steps: got 3, but --tokens 401 comes to 2"):
        requested_steps(options(tokens=401, steps=3), as_typed=True, **ROWS)
    with pytest.raises(ConfigError, match="--tokens 401 and --epochs 2: both"):
        requested_steps(options(tokens=401, epochs=2), as_typed=False, **ROWS)


def test_hours_are_left_to_a_trial() -> None:
    assert requested_steps(options(hours=2.0), as_typed=False, **ROWS) == 1_000
