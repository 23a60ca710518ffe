"""In one process; sharded weights are in tests/training/distributed/test_sharded_models."""

from pathlib import Path

import pytest
import torch

from lmkit.training.checkpoints.save_load import finish, load, save, snapshot
from lmkit.training.checkpoints.streamed_save import write_shards
from lmkit.training.distributed.sharded_weights import local_shards
from lmkit.training.optimizer import optimizer_of, update
from lmkit.training.options import OptimConfig
from tests.training.tiny import TinyModel

FILES = ("model.safetensors", "optimizer.safetensors", "state.json", "manifest.json")


@pytest.mark.parametrize("algorithm", ["adamw", "muon"])
def test_it_writes_the_files_of_a_save_from_copies(algorithm: str, tmp_path: Path) -> None:
    model = TinyModel()
    optimizer = optimizer_of(
        model.named_parameters(), OptimConfig.model_validate({"algorithm": algorithm, "lr": 1e-3})
    )
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    update(optimizer, None)
    copied, streamed = tmp_path / "copied", tmp_path / "streamed"
    copied.mkdir()
    streamed.mkdir()
    one = save(copied, 4, snapshot(model, optimizer), {"step": 4})
    write_shards(streamed, 4, model, optimizer, local_shards(model), {"step": 4})
    other = finish(streamed, 4)
    assert one.name == other.name
    for file in FILES:
        assert (one / file).read_bytes() == (other / file).read_bytes()


def test_without_its_end_it_is_no_checkpoint_and_the_next_removes_it(tmp_path: Path) -> None:
    model = TinyModel()
    optimizer = optimizer_of(model.named_parameters(), OptimConfig(lr=1e-3))
    save(tmp_path, 1, snapshot(model, optimizer), {"step": 1})
    write_shards(tmp_path, 2, model, optimizer, local_shards(model), {"step": 2})
    assert load(tmp_path, TinyModel(), optimizer, pytest.fail)["step"] == 1
    save(tmp_path, 3, snapshot(model, optimizer), {"step": 3})
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["index.json", "step-00000001", "step-00000003"]
