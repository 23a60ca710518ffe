import math

import pytest
import torch

from lmkit.model.positions.sinusoidal import sinusoids
from tests.model.tiny import tiny


def test_sinusoids_are_those_of_the_paper() -> None:
    codes = sinusoids(torch.tensor([[5]]), 6)[0, 0].tolist()
    expected = [f(5 / 10_000 ** (2 * i / 6)) for i in range(3) for f in (math.sin, math.cos)]
    assert codes == pytest.approx(expected, abs=1e-6)


def test_sinusoids_have_no_weights() -> None:
    model = tiny(position="sinusoidal")
    assert not any("position" in name for name in model.state_dict())
