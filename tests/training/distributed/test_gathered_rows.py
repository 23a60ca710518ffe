"""A process by itself; what several gather is in test_sharded_models."""

from lmkit.training.distributed.gathered_rows import rows_on_rank_zero
from lmkit.training.distributed.sharded_weights import local_shards
from tests.training.tiny import TinyModel


def test_a_weight_that_is_not_sharded_is_one_piece() -> None:
    for shard in local_shards(TinyModel()):
        (piece,) = rows_on_rank_zero(shard, shard.local)
        assert piece.equal(shard.parameter) and not piece.requires_grad
