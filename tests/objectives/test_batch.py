import numpy as np
import torch

from lmkit.objectives.batch import Batch
from lmkit.packing.token_rows import NO_TARGET


def test_a_batch_knows_its_targets_and_becomes_tensors_by_name() -> None:
    ids = np.array([[1, 2, 3]])
    batch = Batch(ids, np.array([[0, 1, 2]]), np.array([[2, 3, NO_TARGET]]), None)
    assert batch.targets == 2
    tensors = batch.tensors()
    assert list(tensors) == ["tokens_BT", "positions_BT", "targets_BT"]  # and nothing that is None
    assert torch.equal(tensors["tokens_BT"], torch.tensor([[1, 2, 3]]))
