import re
from pathlib import Path

from lmkit.reporting.lineage import Lineage, find_lineage
from lmkit.reporting.lineage_picture import BOX, lineage_picture
from tests.reporting.folders import HOSTILE, write_folder


def test_every_folder_is_a_box_and_every_input_an_arrow(pipeline: Path) -> None:
    lineage = find_lineage([pipeline / "work"], Path("o"))
    found = lineage_picture(lineage)
    edges = sum(len(node.inputs) for node in lineage.nodes)
    assert found.count('class="box') == 2 * len(lineage.nodes)  # across, and down
    assert found.count('class="edge"') == 2 * edges


def test_boxes_do_not_overlap(pipeline: Path) -> None:
    across, down = lineage_picture(find_lineage([pipeline / "work"], Path("o"))).split("</svg>")[:2]
    for drawn in (across, down):
        corners = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', drawn)
        points = [(float(x), float(y)) for x, y in corners]
        for number, (x, y) in enumerate(points):
            for a, b in points[:number]:
                assert abs(x - a) >= BOX or abs(y - b) >= 58


def test_a_missing_folder_is_marked_and_an_unfinished_one_named(tmp_path: Path) -> None:
    read = {"path": f"work/{HOSTILE}", "sha256": ["0"]}
    write_folder(tmp_path / "dedup", "dedup", inputs=[read], finished=False)
    found = lineage_picture(find_lineage([tmp_path], Path("o")))
    assert "box lost" in found and "dedup, unfinished" in found and "<script" not in found


def test_no_folder_gives_no_picture() -> None:
    assert lineage_picture(Lineage(())) == ""
