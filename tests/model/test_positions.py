import math

import pytest
import torch

from lmkit.model.positions import (
    apply_rotary,
    buckets,
    distances,
    relative_shift,
    rotary_angles,
    sinusoids,
    slopes,
)


def test_angles_are_those_of_the_paper() -> None:
    rope = rotary_angles(torch.tensor([[3]]), head_dim=4, base=100.0)
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
        return float((apply_rotary(q, angles[0]) * apply_rotary(k, angles[1])).sum())

    assert math.isclose(product(9, 4), product(105, 100), abs_tol=1e-5)
    assert not math.isclose(product(9, 4), product(9, 5), abs_tol=1e-3)


def test_a_rotation_keeps_norms() -> None:
    x = torch.randn(2, 7, 3, 8, generator=torch.Generator().manual_seed(0))
    rotated = apply_rotary(x, rotary_angles(torch.arange(7).expand(2, 7), 8, 10_000.0))
    torch.testing.assert_close(rotated.norm(dim=-1), x.norm(dim=-1))


def test_neighbouring_positions_differ_in_half_precision() -> None:
    # 1,995 and 2,000 are the same number in bf16.
    far = torch.zeros(1, 2, 1, 4, dtype=torch.bfloat16) + 1
    rotated = apply_rotary(far, rotary_angles(torch.tensor([[1995, 2000]]), 4, 10_000.0))
    assert rotated.dtype == torch.bfloat16
    exact = [math.cos(position) - math.sin(position) for position in (1995, 2000)]
    torch.testing.assert_close(rotated[0, :, 0, 0].float(), torch.tensor(exact), atol=0.02, rtol=0)


@pytest.mark.parametrize("both_ways", [True, False])
def test_buckets_are_those_of_transformers_t5(both_ways: bool) -> None:
    attention = pytest.importorskip("transformers.models.t5.modeling_t5").T5Attention
    distances_N = torch.arange(-300, 301)
    # Transformers takes key minus query, lmkit query minus key.
    hf_buckets = attention._relative_position_bucket(-distances_N, both_ways, 32, 128)
    assert torch.equal(buckets(distances_N, both_ways=both_ways), hf_buckets)


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
def test_each_pair_gets_the_score_of_its_distance(time: int) -> None:
    distances_R = torch.arange(time, -time, -1).expand(2, 3, time, 2 * time)
    expected = torch.arange(time)[:, None] - torch.arange(time)
    assert torch.equal(relative_shift(distances_R), expected.expand(2, 3, time, time))


def test_new_positions_come_after_the_cached_ones() -> None:
    assert distances(2, 1, torch.device("cpu")).tolist() == [[2, 1, 0]]
