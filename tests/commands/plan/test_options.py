from pathlib import Path

import pytest

from lmkit.commands.plan.options import PlanConfig


def test_one_budget_is_needed() -> None:
    assert PlanConfig(hours=8).hours == 8 and PlanConfig(flops=1e18).flops == 1e18
    with pytest.raises(ValueError, match="--hours: missing; give it, or --tokens or --flops"):
        PlanConfig(inputs=(Path("packed"),))
    with pytest.raises(ValueError, match="--hours: got --tokens, too; give one of them"):
        PlanConfig(hours=8, tokens=1_000)


@pytest.mark.parametrize("value", ["auto", "none", "2.5"])
def test_pilot_minutes_are_a_number_or_a_word(value: str) -> None:
    found = PlanConfig.model_validate({"hours": 1, "pilot_minutes": value}).pilot_minutes
    assert found == {"auto": "auto", "none": None, "2.5": 2.5}[value]
