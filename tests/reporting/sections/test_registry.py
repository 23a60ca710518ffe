from pathlib import Path

import lmkit.reporting.sections as room
from lmkit.reporting.sections.registry import SECTIONS
from tests.reporting.folders import data_of


def test_every_file_of_the_room_is_registered() -> None:
    files = {path.stem for path in Path(room.__path__[0]).glob("*.py")} - {"__init__", "registry"}
    assert files == {make.__name__ for make in SECTIONS} and len(SECTIONS) == len(files)


def test_anchors_are_unique(pipeline: Path) -> None:
    found = [section for make in SECTIONS if (section := make(data_of(pipeline / "work")))]
    assert len({section.anchor for section in found}) == len(found) >= 10
