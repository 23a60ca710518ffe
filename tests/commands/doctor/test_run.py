import json
from pathlib import Path

from tests.conftest import Lmkit


def test_the_page_has_every_part_and_writes_nothing(here: Path, lmkit: Lmkit) -> None:
    code, out, err = lmkit("doctor", "--no-measure")
    assert code == 0, err
    titles = [line for line in out.splitlines() if line and not line.startswith(" ")]
    for title in ("versions", "processor", "memory", "gpus", "compiler", "processes", "disk"):
        assert title in titles
    assert list(here.iterdir()) == []


def test_a_script_gets_the_same_and_the_advice(here: Path, lmkit: Lmkit) -> None:
    found = json.loads(lmkit("doctor", "--no-measure", "--json")[1])
    assert found["versions"]["torch"] and isinstance(found["advice"], list)


def test_a_folder_that_is_none_is_a_wrong_command(here: Path, lmkit: Lmkit) -> None:
    code, _, err = lmkit("doctor", "--folder", "absent")
    assert code == 2 and "--folder: absent is no folder" in err
