from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lmkit.training.distributed.sharded_weights import local_shards
from lmkit.training.monitoring import update_ratio
from lmkit.training.monitoring.update_ratio import UpdateRatio


class Model(nn.Module):
    def __init__(self, width: int = 6) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(10, width)
        self.blocks = nn.ModuleList([nn.ModuleDict({"attention": nn.Linear(width, width)})])
        self.blocks[0]["feed_forward"] = nn.Linear(width, 4 * width)  # type: ignore[index]
        self.norm = nn.LayerNorm(width)


def changed(model: Model, change: Callable[[str, Tensor], Tensor]) -> dict[str, float]:
    ratio = UpdateRatio(local_shards(model))
    before = ratio.before()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(change(name, weight))
    return dict(zip(ratio.parts, ratio.after(before, lambda sums: sums).tolist(), strict=True))


def test_it_is_the_norm_of_the_change_over_the_norm_of_the_weights() -> None:
    model = Model()
    old = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    measured = changed(model, lambda name, weight: weight + 0.01 * (weight.abs() + len(name)))
    assert list(measured) == ["embedding", "attention", "feed_forward"]
    names = {
        "embedding": "embedding.weight",
        "attention": "blocks.0.attention.weight",
        "feed_forward": "blocks.0.feed_forward.weight",
    }
    new = dict(model.named_parameters())
    for part, name in names.items():
        expected = (new[name] - old[name]).norm() / old[name].norm()
        assert measured[part] == pytest.approx(expected.item(), rel=1e-5)


def test_scaling_all_weights_by_a_tenth_is_a_tenth_and_no_change_is_none() -> None:
    assert changed(Model(), lambda _, w: 1.1 * w) == pytest.approx(
        {"embedding": 0.1, "attention": 0.1, "feed_forward": 0.1}, rel=1e-4
    )
    assert set(changed(Model(), lambda _, w: w).values()) == {0.0}


def test_a_large_matrix_is_estimated_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(_: str, weight: Tensor) -> Tensor:
        torch.manual_seed(1)
        return weight + 0.01 * torch.randn_like(weight)

    full = changed(Model(400), moved)
    monkeypatch.setattr(update_ratio, "SAMPLE", 4_096)
    ratio = UpdateRatio(local_shards(Model(400)))
    assert max(sample.numel() for sample in ratio.before()) <= 4_096
    assert changed(Model(400), moved) == pytest.approx(full, rel=0.05)
