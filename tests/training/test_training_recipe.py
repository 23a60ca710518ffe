from dataclasses import replace

import pytest

from tests.training.tiny import RECIPE

DUES = {
    "validate_every": RECIPE.validates_after,
    "evaluate_every": RECIPE.evaluates_after,
    "sample_every": RECIPE.samples_after,
    "save_every": RECIPE.saves_after,
}


@pytest.mark.parametrize("option", DUES)
def test_what_is_due_every_few_steps_is_due_after_the_last_too(option: str) -> None:
    name = DUES[option].__name__
    for every, steps in ((4, [4, 8, 10]), (None, [10])):
        is_due = getattr(replace(RECIPE, **{option: every}), name)
        assert [step for step in range(1, 11) if is_due(step)] == steps


def test_updates_are_measured_only_when_that_is_due() -> None:
    measured = replace(RECIPE, measure_every=4)
    assert [step for step in range(1, 11) if measured.measures(step)] == [4, 8]
    assert not any(RECIPE.measures(step) for step in range(1, 11))


def test_a_step_pauses_where_anything_is_due() -> None:
    recipe = replace(RECIPE, validate_every=4, save_every=3)
    assert [step for step in range(1, 11) if recipe.pauses_after(step)] == [3, 4, 6, 8, 9, 10]
