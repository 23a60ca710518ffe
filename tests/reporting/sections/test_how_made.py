from pathlib import Path

from lmkit.reporting.sections.how_made import how_made
from tests.reporting.folders import data_of


def test_the_commands_stand_in_the_order_in_which_they_ran(pipeline: Path) -> None:
    found = how_made(data_of(pipeline / "work")).content
    positions = [found.index(f"lmkit {stage} ") for stage in ("clean", "dedup", "pack", "pretrain")]
    assert positions == sorted(positions) and found.count("<svg") == 2
