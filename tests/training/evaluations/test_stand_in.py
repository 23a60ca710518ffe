"""A narrow model of the same kind."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lmkit.training.evaluations.stand_in import Computed
from tests.conftest import FAMILIES
from tests.training.evaluations.stand_ins import stand_in_of


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_every_family_has_a_stand_in_of_a_few_weights(
    family: str, runs: Callable[[str], Path]
) -> None:
    scored = stand_in_of(runs(family))
    model, vocabulary = scored.model, scored.model.vocabulary_size
    assert sum(weight.numel() for weight in model.parameters()) < 20 * vocabulary + 5_000
    assert not model.training
    with pytest.raises(Computed):
        model.logits(torch.zeros(1, 8))
