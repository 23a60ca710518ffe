"""The example in Python runs to its end, on a few steps."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import prose

ROOT = Path(__file__).parents[1]


def test_raw_text_becomes_a_model_that_python_uses(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    for number, text in enumerate(prose(150)):
        (tmp_path / "text" / f"{number}.txt").write_text(text)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "quickstart.py", tmp_path / "text"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"WORK": str(tmp_path / "work"), "STEPS": "2", "VOCABULARY": "600"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    out = done.stdout
    assert out.startswith(f"<lmkit clean: {tmp_path / 'work' / 'clean'}>\n  documents")
    assert f"<lmkit model: {tmp_path / 'work' / 'run'}>" in out
    assert "The function returns" in out and "bits per byte" in out and "cosine similarity" in out
