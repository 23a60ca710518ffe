import pytest
import torch

from lmkit.model.positions.transformer_xl import relative_shift


@pytest.mark.parametrize("time", [1, 2, 5])
def test_each_pair_gets_the_score_of_its_distance(time: int) -> None:
    distances_R = torch.arange(time, -time, -1).expand(2, 3, time, 2 * time)
    expected = torch.arange(time)[:, None] - torch.arange(time)
    assert torch.equal(relative_shift(distances_R), expected.expand(2, 3, time, time))
