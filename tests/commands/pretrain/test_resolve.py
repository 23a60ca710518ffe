import json
from pathlib import Path

import pytest

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.resolve import model_of, resolve
from lmkit.errors import ConfigError, InputError
from lmkit.model.options import ModelConfig


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


BERT_SHAPE = {
    "position": "learned",
    "norm": "layernorm",
    "layers": 1,
    "hidden_size": 16,
    "heads": 2,
}


def test_there_are_as_many_learned_positions_as_the_sequences_need(
    packed: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = resolve(options(inputs=(packed,), model=ModelConfig.model_validate(BERT_SHAPE)))
    assert plan.model.longest == plan.trained_positions == plan.recorded.model.max_positions == 32
    assert "learned positions" not in capsys.readouterr().err


@pytest.mark.parametrize("asked", [BERT_SHAPE | {"max_positions": 50}, {"preset": "gpt2-nano"}])
def test_more_positions_are_there_for_those_who_ask_and_are_reported(
    packed: Path, here: Path, capsys: pytest.CaptureFixture[str], asked: dict[str, object]
) -> None:
    plan = resolve(options(inputs=(packed,), dry_run=True, model=ModelConfig.model_validate(asked)))
    assert plan.model.longest == asked.get("max_positions", 1024) and plan.trained_positions == 32
    assert "tokens train 32 of them: the others stay random" in capsys.readouterr().err


def test_a_run_that_resumes_keeps_the_positions_that_it_has(packed: Path, here: Path) -> None:
    begun = options(
        inputs=(packed,), model=ModelConfig.model_validate(BERT_SHAPE | {"max_positions": 50})
    )
    (here / "run" / ".partial").mkdir(parents=True)
    plan = {"stage": "pretrain", "lmkit": "0", "format": 2, "inputs": []}
    plan |= {"config": begun.model_dump(mode="json")}
    (here / "run" / ".partial" / "plan.json").write_text(json.dumps(plan))
    again = options(inputs=(packed,), model=ModelConfig.model_validate(BERT_SHAPE))
    assert resolve(again).model.longest == 50
    scratch = again.model_copy(update={"overwrite": True})
    assert resolve(scratch).model.longest == 32


def test_heads_that_are_normalized_together_stay_on_one_process(
    packed: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ModelConfig(qk_norm=True, qk_norm_over="projection")
    config = options(inputs=(packed,), model=model, parallel="tensor")
    monkeypatch.setattr("lmkit.commands.pretrain.resolve.ranks", lambda: 2)
    with pytest.raises(ConfigError, match=r"tensor: can't be combined with --model\.qk-norm"):
        resolve(config)
