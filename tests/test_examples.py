"""The scripts of the guides run to their end, on a few steps."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv" / "installed-dev").is_file(),
    reason="the scripts use the .venv that tests/run.sh makes",
)


def run(script: str, *arguments: str | Path, work: Path, **settings: str) -> str:
    done = subprocess.run(
        ["bash", ROOT / "examples" / script, *arguments],
        capture_output=True,
        text=True,
        cwd=work.parent,
        env=os.environ | {"WORK": str(work), "STEPS": "2", "VOCABULARY": "1024", **settings},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def steps(run: Path) -> int:
    return json.loads((run / "manifest.json").read_text("utf-8"))["counts"]["more"]["steps"]


def test_a_web_crawl_becomes_a_decoder_that_several_processes_train_on(tmp_path: Path) -> None:
    out = run("web_crawl/run.sh", work=tmp_path / "crawl", LENGTH="64")
    assert "too_few_letters" in out and steps(tmp_path / "crawl" / "run") == 2
    counts = json.loads((tmp_path / "crawl/dedup/manifest.json").read_text("utf-8"))["counts"]
    assert counts["dropped"], "every tenth page is stored twice"
    packed = tmp_path / "crawl" / "packed"
    run("several_machines/run.sh", packed, work=tmp_path / "two", STEPS="4")
    assert steps(tmp_path / "two" / "run") == 4


def test_a_plugin_works_from_the_command_line_and_from_python(tmp_path: Path) -> None:
    out = run("plugin/run.sh", work=tmp_path / "plugin")
    assert "shouting.capitals" in out
    made = [
        json.loads((tmp_path / "plugin" / name / "manifest.json").read_text("utf-8"))
        for name in ("clean", "from-python")
    ]
    assert made[0]["counts"]["documents_out"] == 3
    assert [one["sha256"] for one in made[0]["outputs"]] == [
        one["sha256"] for one in made[1]["outputs"]
    ]


def test_books_become_an_encoder(tmp_path: Path) -> None:
    out = run("books_to_bert/run.sh", work=tmp_path / "books")
    assert "returns a value" in out and steps(tmp_path / "books" / "run") == 2
    assert (tmp_path / "books" / "hf" / "model.safetensors").is_file()
