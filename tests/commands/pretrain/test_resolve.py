from pathlib import Path

import pytest

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.resolve import model_of, resolve, sequences_per_batch
from lmkit.errors import ConfigError, InputError


def options(**values: object) -> PretrainConfig:
    return PretrainConfig.model_validate({"output": "run", **values})


def test_options_touch_no_disk_until_they_are_resolved(here: Path) -> None:
    config = options(inputs=["nowhere"], init_from="nowhere-either")
    assert list(here.iterdir()) == []
    with pytest.raises(InputError, match="nowhere-either: no such folder"):
        model_of(config)


def test_the_shape_comes_from_the_other_model_and_options_of_training_are_kept(
    trained: Path,
) -> None:
    config = options(init_from=trained, model={"dropout": "0.25"})
    shape = model_of(options(init_from=trained))
    assert model_of(config) == shape.model_copy(update={"dropout": 0.25})
    assert shape.hidden_size != PretrainConfig.model_fields["model"].default.hidden_size


def test_another_shape_and_another_objective_are_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"--model.layers: got 9, but .* has"):
        model_of(options(init_from=trained, model={"layers": 9}))
    with pytest.raises(ConfigError, match="--objective: got mlm"):
        model_of(options(init_from=trained, objective="mlm"))


def test_a_plan_is_what_was_typed_and_what_follows_from_it(
    packed: Path, trained: Path, here: Path
) -> None:
    config = options(inputs=[packed], init_from=trained, tokens=1_000, batch_tokens=320)
    plan = resolve(config)
    assert plan.options is config and list(here.iterdir()) == []
    assert (plan.global_batch_size, plan.steps) == (10, 4)
    assert plan.recorded.steps == 4 and plan.recorded.model == plan.model == model_of(config)
    assert plan.initial_tensors


def test_a_batch_holds_whole_sequences_and_at_least_one() -> None:
    assert sequences_per_batch(options(batch_tokens=1000), 300) == 3
    assert sequences_per_batch(options(batch_tokens=10), 300) == 1
