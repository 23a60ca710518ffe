"""What is built of a plan, in a process by itself and as one of several."""

from pathlib import Path

import pytest

from lmkit.commands.pretrain.described_model import described_model
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.pretrain.resolve import resolve
from lmkit.model.transformer import Transformer
from tests.commands.pretrain.test_resolve import options


def plan_of(packed: Path, here: Path, **more: object) -> PretrainConfig:
    model = {"layers": 1, "hidden_size": 16, "heads": 2}
    return options(inputs=(packed,), output=here / "run", model=model, seed=5, **more)


def test_one_process_has_the_model_of_the_seed(packed: Path, here: Path) -> None:
    plan = resolve(plan_of(packed, here, parallel="fsdp", activation_checkpointing=True))
    model, expected = described_model(plan), Transformer(plan.model, plan.vocabulary_size, seed=5)
    assert not plan.is_sharded and model.blocks[0].recomputes
    for mine, other in zip(model.parameters(), expected.parameters(), strict=True):
        assert mine.equal(other)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp", "tensor"])
def test_what_will_be_sharded_has_no_memory(
    packed: Path, here: Path, parallel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = resolve(plan_of(packed, here, parallel=parallel))
    monkeypatch.setenv("WORLD_SIZE", "2")
    is_meta = {parameter.is_meta for parameter in described_model(plan).parameters()}
    assert is_meta == {parallel != "ddp"}
