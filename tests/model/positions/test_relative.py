import pytest
import torch

from lmkit.model.positions.relative import buckets


@pytest.mark.parametrize("both_ways", [True, False])
def test_buckets_are_those_of_transformers_t5(both_ways: bool) -> None:
    attention = pytest.importorskip("transformers.models.t5.modeling_t5").T5Attention
    distances_N = torch.arange(-300, 301)
    # Transformers takes key minus query, lmkit query minus key.
    hf_buckets = attention._relative_position_bucket(-distances_N, both_ways, 32, 128)
    assert torch.equal(buckets(distances_N, both_ways=both_ways), hf_buckets)
