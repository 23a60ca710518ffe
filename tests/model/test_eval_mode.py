import pytest
import torch

from lmkit.model.eval_mode import eval_mode
from tests.model.tiny import tiny


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_restored_even_after_an_error(training: bool) -> None:
    model = tiny(dropout=0.1).train(training)
    with pytest.raises(KeyError), eval_mode(model):
        assert not model.training
        assert not torch.is_grad_enabled()
        raise KeyError
    assert model.training == training
    assert torch.is_grad_enabled()
