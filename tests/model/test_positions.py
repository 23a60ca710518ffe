import math

import torch

from lmkit.model.positions import rotate, rotation


def test_angles_are_those_of_the_paper() -> None:
    turn = rotation(torch.tensor([[3]]), head_width=4, base=100.0)
    # theta_0 = 1 and theta_1 = 100^(-2/4) = 1/10
    expected = torch.tensor([math.cos(3.0), math.cos(0.3)])
    torch.testing.assert_close(turn.cos_BT1K.flatten(), expected)
    torch.testing.assert_close(turn.sin_BT1K.flatten(), torch.tensor([math.sin(3), math.sin(0.3)]))


def test_a_product_of_turned_vectors_depends_on_their_distance_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 16, generator=generator)

    def product(place_of_q: int, place_of_k: int) -> float:
        turns = [rotation(torch.tensor([[p]]), 16, 10_000.0) for p in (place_of_q, place_of_k)]
        return float((rotate(q, turns[0]) * rotate(k, turns[1])).sum())

    assert math.isclose(product(9, 4), product(105, 100), abs_tol=1e-5)
    assert not math.isclose(product(9, 4), product(9, 5), abs_tol=1e-3)


def test_a_turn_keeps_lengths() -> None:
    x = torch.randn(2, 7, 3, 8, generator=torch.Generator().manual_seed(0))
    turned = rotate(x, rotation(torch.arange(7).expand(2, 7), 8, 10_000.0))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))


def test_neighbouring_places_stay_apart_in_half_precision() -> None:
    # 1,995 and 2,000 are the same number in bf16.
    far = torch.zeros(1, 2, 1, 4, dtype=torch.bfloat16) + 1
    turned = rotate(far, rotation(torch.tensor([[1995, 2000]]), 4, 10_000.0))
    assert turned.dtype == torch.bfloat16
    exact = [math.cos(place) - math.sin(place) for place in (1995, 2000)]
    torch.testing.assert_close(turned[0, :, 0, 0].float(), torch.tensor(exact), atol=0.02, rtol=0)
