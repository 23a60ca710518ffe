from typing import Any

import pytest

from lmkit.objectives.objective import Packing, objective_of
from lmkit.objectives.options import ObjectiveConfig
from lmkit.objectives.prompt_formats import Continuation, MaskedSpans, Masks, PromptFormat


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Continuation()),
        ({"fim": {"rate": 0.5}}, Continuation("psm")),
        ({"fim": {"rate": 0.5, "spm_rate": 1}}, Continuation("spm")),
        ({"objective": "mlm"}, Masks()),
        ({"objective": "plm"}, Masks(two_streams=True)),
        # Lengths for a text of 568 tokens: Raffel et al. 2020, 512 and 114.
        ({"objective": "span-corruption"}, MaskedSpans("t5", 512, 114)),
        (
            {"objective": "span-corruption", "span": {"style": "bart"}},
            MaskedSpans("bart", 569, 569),
        ),
    ],
    ids=str,
)
def test_a_prompt_has_the_format_of_training(
    values: dict[str, Any], expected: PromptFormat
) -> None:
    objective = objective_of(ObjectiveConfig.model_validate(values))
    assert objective.prompt_format(Packing(568, 2, 3)) == expected
