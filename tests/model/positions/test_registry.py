import pytest
from pydantic import ValidationError

from lmkit.model.options import ModelConfig
from lmkit.model.positions.encoding import PositionEncoding
from lmkit.model.positions.registry import POSITIONS


@pytest.mark.parametrize("name", POSITIONS)
def test_an_entry_leads_to_an_encoding(name: str) -> None:
    assert issubclass(POSITIONS[name].load(), PositionEncoding)


@pytest.mark.parametrize("name", POSITIONS)
def test_entries_name_options_of_the_model(name: str) -> None:
    entry = POSITIONS[name]
    assert {*entry.options, *entry.excludes} <= ModelConfig.model_fields.keys()


def test_the_option_takes_the_names_of_the_registry() -> None:
    *others, last = map(repr, POSITIONS)
    with pytest.raises(ValidationError, match=f"Input should be {', '.join(others)} or {last}"):
        ModelConfig.model_validate({"position": "nowhere"})
