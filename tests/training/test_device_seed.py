import pytest
import torch

from lmkit.training import device_seed as module
from lmkit.training.device_seed import seed_device


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_dropout_is_that_after_torch_s_own_seed(seed: int) -> None:
    ones = torch.ones(1000)
    torch.manual_seed(seed)
    expected = torch.nn.functional.dropout(ones, 0.5)
    torch.rand(7)
    seed_device(torch.device("cpu"), seed)
    assert torch.equal(torch.nn.functional.dropout(ones, 0.5), expected)


def test_a_gpu_is_seeded_beside_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(module.torch.cuda, "manual_seed", seeded.append)
    seed_device(torch.device("cuda", 0), 5)
    assert seeded == [5] and torch.initial_seed() == 5


def test_every_generator_of_another_device_is_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(module.torch, "manual_seed", seeded.append)
    seed_device(torch.device("meta"), 3)
    assert seeded == [3]
