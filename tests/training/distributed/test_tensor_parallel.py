"""Which part of a mask a process gets; gradients of all encodings are in test_gradients."""

import torch

from lmkit.model.attention_kernels import MaskWithEmptyRows
from lmkit.training.distributed.tensor_parallel import of_heads


def test_a_bias_for_each_head_is_divided_and_other_masks_are_not() -> None:
    bias_BHTS = torch.randn(2, 6, 3, 3)
    own = of_heads(bias_BHTS, 1, 3)
    assert isinstance(own, torch.Tensor) and own.equal(bias_BHTS[:, 2:4])
    visible_B1TS = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    assert of_heads(visible_B1TS, 1, 3) is visible_B1TS
    assert of_heads(None, 1, 3) is None
    has_visible_key_B1T1 = torch.ones(2, 1, 3, 1, dtype=torch.bool)
    both = of_heads(MaskWithEmptyRows(bias_BHTS, has_visible_key_B1T1), 0, 2)
    assert isinstance(both, MaskWithEmptyRows) and both.mask_B1TS.equal(bias_BHTS[:, :3])
    assert both.has_visible_key_B1T1 is has_visible_key_B1T1
