import torch
from torch import nn

from lmkit.training.optimizers.adamw import adamw


def test_the_first_update_is_the_learning_rate_and_the_decay_is_decoupled() -> None:
    weight = nn.Parameter(torch.tensor([2.0, -2.0]))
    optimizer = adamw(
        [{"params": [weight], "weight_decay": 0.5}], lr=0.1, beta1=0.9, beta2=0.95, eps=1e-8
    )
    weight.grad = torch.tensor([30.0, 0.0])
    optimizer.step()
    # Both decay by lr x 0.5; the first also moves by lr against its gradient, whatever its size.
    torch.testing.assert_close(weight.detach(), torch.tensor([2 * 0.95 - 0.1, -2 * 0.95]))
