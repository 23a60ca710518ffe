import json

from lmkit.diagnosis.registry import PARTS
from tests.diagnosis.asked import NOTHING_MEASURED


def test_every_part_finds_facts_that_a_script_can_read() -> None:
    for name, find in PARTS.items():
        found = find(NOTHING_MEASURED)
        assert found.facts or name == "extras", name
        json.dumps(found.facts, allow_nan=False)
