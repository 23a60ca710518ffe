from pathlib import Path

import pytest

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.resolve import sequences_per_batch, with_initial_shape
from lmkit.errors import ConfigError, InputError


def options(**values: object) -> PretrainConfig:
    return PretrainConfig.model_validate({"output": "run", **values})


def test_options_touch_no_disk_until_they_are_resolved(here: Path) -> None:
    config = options(inputs=["nowhere"], init_from="nowhere-either")
    assert list(here.iterdir()) == []
    with pytest.raises(InputError, match="nowhere-either: no such folder"):
        with_initial_shape(config)


def test_the_shape_comes_from_the_other_model_and_options_of_training_are_kept(
    trained: Path,
) -> None:
    config = options(init_from=trained, model={"dropout": "0.25"})
    resolved = with_initial_shape(config)
    shape = with_initial_shape(options(init_from=trained)).model
    assert resolved.model == shape.model_copy(update={"dropout": 0.25})
    assert shape.hidden_size != PretrainConfig.model_fields["model"].default.hidden_size


def test_another_shape_and_another_objective_are_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"--model.layers: got 9, but .* has"):
        with_initial_shape(options(init_from=trained, model={"layers": 9}))
    with pytest.raises(ConfigError, match="--objective: got mlm"):
        with_initial_shape(options(init_from=trained, objective="mlm"))


def test_a_batch_holds_whole_sequences_and_at_least_one() -> None:
    assert sequences_per_batch(options(batch_tokens=1000), 300) == 3
    assert sequences_per_batch(options(batch_tokens=10), 300) == 1
