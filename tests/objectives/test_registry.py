import pytest

from lmkit.objectives.objective import Objective
from lmkit.objectives.registry import OBJECTIVES, ObjectiveEntry, entry_named, objectives_of


@pytest.mark.parametrize("entry", OBJECTIVES, ids=lambda entry: entry.name)
def test_an_entry_leads_to_its_options_and_its_class(entry: ObjectiveEntry) -> None:
    objective = entry.implementation(entry.name, entry.config())
    assert isinstance(objective, Objective)
    assert entry_named(objective.name) is entry


def test_no_two_objectives_share_a_name_or_a_group() -> None:
    assert len({entry.name for entry in OBJECTIVES}) == len(OBJECTIVES)
    assert len({entry.group for entry in OBJECTIVES}) == len(OBJECTIVES)


def test_every_architecture_has_an_objective() -> None:
    for architecture in ("decoder", "encoder", "encoder-decoder"):
        assert objectives_of(architecture)
