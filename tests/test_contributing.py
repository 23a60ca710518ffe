"""The diffs of CONTRIBUTING.md apply, and what they add works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DIFFS = dict(re.findall(r"^### ([^\n]+)\n(?:(?!^##).)*?```diff\n(.*?)```", GUIDE, re.M | re.S))
CHECKS = ("import", "options", "says_what_it_is_for", "same_place", "share_a_name")
"""Of the layout, what a new part could break."""


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the diffs")
@pytest.mark.parametrize("part", DIFFS)
def test_the_diff_of_a_part_applies_and_its_tests_pass(part: str, tmp_path: Path) -> None:
    without = shutil.ignore_patterns("__pycache__", "benchmarks")
    for name in ("lmkit", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=without)
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path)
    diff = DIFFS[part].encode()
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, check=True)
    added = re.findall(r"^\+\+\+ b/(tests/\S+/test_\w+\.py)$", DIFFS[part], re.MULTILINE)
    assert added
    layout = [
        "tests/test_layout.py",
        "-k",
        f"test_layout and ({' or '.join(CHECKS)}) or not test_layout",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *added, *layout],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_there_is_a_diff_for_every_kind_of_part() -> None:
    kinds = ("reader", "rule set", "matcher", "objective", "position", "optimizer", "command")
    assert len(DIFFS) == len(kinds)
    assert all(any(kind in title for title in DIFFS) for kind in kinds)


def test_the_plugin_that_is_shown_is_the_one_of_the_examples() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert shown == (ROOT / "examples" / "plugin" / "my_rules.py").read_text("utf-8")
