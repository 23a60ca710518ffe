"""Evaluation mode of a model: no dropout, no gradients."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def eval_mode(model: nn.Module) -> Generator[None]:
    """Switch dropout and gradients off, and restore both afterwards.

    >>> model = nn.Dropout(0.5)
    >>> with eval_mode(model):
    ...     model(torch.ones(3))
    tensor([1., 1., 1.])
    >>> model.training
    True
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
