import math

import pytest
import torch

from lmkit.model.positions import buckets, distances, rotate, rotation, shifted, sinusoids, slopes


def test_angles_are_those_of_the_paper() -> None:
    turn = rotation(torch.tensor([[3]]), head_dim=4, base=100.0)
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


@pytest.mark.parametrize("both_ways", [True, False])
def test_buckets_are_those_of_transformers_t5(both_ways: bool) -> None:
    attention = pytest.importorskip("transformers.models.t5.modeling_t5").T5Attention
    distances_N = torch.arange(-300, 301)
    # Theirs takes how far ahead a place lies, ours how far behind.
    theirs = attention._relative_position_bucket(-distances_N, both_ways, 32, 128)
    assert torch.equal(buckets(distances_N, both_ways=both_ways), theirs)


def test_slopes_are_those_of_the_paper() -> None:
    # Section 3 of Press et al.: for 8 heads 1/2, 1/4, ... 1/256.
    assert slopes(8) == [2.0**-n for n in range(1, 9)]
    # For 12 heads, its code adds every second slope of 16 heads: 2^(-1/2), 2^(-3/2), ...
    assert slopes(12)[8:] == pytest.approx([2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5])


def test_sinusoids_are_those_of_the_paper() -> None:
    codes = sinusoids(torch.tensor([[5]]), 6)[0, 0].tolist()
    expected = [f(5 / 10_000 ** (2 * i / 6)) for i in range(3) for f in (math.sin, math.cos)]
    assert codes == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("time", [1, 2, 5])
def test_each_place_finds_its_distance(time: int) -> None:
    distances_R = torch.arange(time, -time, -1).expand(2, 3, time, 2 * time)
    wanted = torch.arange(time)[:, None] - torch.arange(time)
    assert torch.equal(shifted(distances_R), wanted.expand(2, 3, time, time))


def test_new_places_lie_behind_those_that_were_read() -> None:
    assert distances(2, 1, torch.device("cpu")).tolist() == [[2, 1, 0]]
