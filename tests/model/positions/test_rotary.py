import math

import torch

from lmkit.model.positions.rotary import rotary_angles


def test_angles_are_those_of_the_paper() -> None:
    rope = rotary_angles(torch.tensor([[3]]), rotary_dim=4, base=100.0)
    # theta_0 = 1 and theta_1 = 100^(-2/4) = 1/10
    expected = torch.tensor([math.cos(3.0), math.cos(0.3)])
    torch.testing.assert_close(rope.cos_BT1K.flatten(), expected)
    torch.testing.assert_close(rope.sin_BT1K.flatten(), torch.tensor([math.sin(3), math.sin(0.3)]))


def test_a_product_of_rotated_vectors_depends_only_on_their_distance() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 16, generator=generator)

    def product(position_of_q: int, position_of_k: int) -> float:
        angles = [
            rotary_angles(torch.tensor([[p]]), 16, 10_000.0) for p in (position_of_q, position_of_k)
        ]
        return float((angles[0](q) * angles[1](k)).sum())

    assert math.isclose(product(9, 4), product(105, 100), abs_tol=1e-5)
    assert not math.isclose(product(9, 4), product(9, 5), abs_tol=1e-3)


def test_a_rotation_keeps_norms() -> None:
    x = torch.randn(2, 7, 3, 8, generator=torch.Generator().manual_seed(0))
    rotated = rotary_angles(torch.arange(7).expand(2, 7), 8, 10_000.0)(x)
    torch.testing.assert_close(rotated.norm(dim=-1), x.norm(dim=-1))


def test_neighbouring_positions_differ_in_half_precision() -> None:
    # 1,995 and 2,000 are the same number in bf16.
    far = torch.zeros(1, 2, 1, 4, dtype=torch.bfloat16) + 1
    rotated = rotary_angles(torch.tensor([[1995, 2000]]), 4, 10_000.0)(far)
    assert rotated.dtype == torch.bfloat16
    exact = [math.cos(position) - math.sin(position) for position in (1995, 2000)]
    torch.testing.assert_close(rotated[0, :, 0, 0].float(), torch.tensor(exact), atol=0.02, rtol=0)


def test_only_a_fraction_of_the_channels_is_rotated() -> None:
    x = torch.randn(2, 7, 3, 8, generator=torch.Generator().manual_seed(0))
    positions_BT = torch.arange(7).expand(2, 7)
    rotated = rotary_angles(positions_BT, 4, 10_000.0)(x)
    assert rotated[..., 4:].equal(x[..., 4:])
    assert rotated[..., :4].equal(rotary_angles(positions_BT, 4, 10_000.0)(x[..., :4]))
