"""Files of lines that are cut back to a step."""

import json
from dataclasses import dataclass
from pathlib import Path

from lmkit.training.step_lines import complete_lines, trim_lines


@dataclass
class Line:
    step: int


def parse(line: bytes) -> Line | None:
    try:
        return Line(json.loads(line))
    except ValueError:
        return None


def test_lines_up_to_the_first_damaged_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    assert list(complete_lines(path, parse)) == []
    path.write_bytes(b"1\n 2\n\0\n3\n")
    assert list(complete_lines(path, parse)) == [(b"1\n", Line(1)), (b" 2\n", Line(2))]
    path.write_bytes(b"1\n2")
    assert list(complete_lines(path, parse)) == [(b"1\n", Line(1))]


def test_lines_after_a_step_are_removed_and_the_others_keep_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"1\n 2 \n3\n4")
    trim_lines(path, 2, parse)
    assert path.read_bytes() == b"1\n 2 \n" and list(tmp_path.iterdir()) == [path]
