import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

import pytest

import lmkit as api
from tests.commands.dying import run_until_killed
from tests.commands.pipeline.small_pipeline import STAGES, write_pipeline
from tests.conftest import Lmkit, contents, manifest

ROOT = Path(__file__).parents[3]
INTERRUPTED = """
import os, signal, sys
from lmkit.artifacts.tasks import TaskWriter
from lmkit.cli import main
finish = TaskWriter.finish
def interrupt(self):
    if self.step == "dedup" or "signatures" in self.step or os.path.exists("work/dedup"):
        os.kill(os.getpid(), signal.SIGINT)
    return finish(self)
TaskWriter.finish = interrupt
sys.exit(main(sys.argv[1:]))
"""


def test_stages_run_in_the_folder_of_the_file_and_are_then_up_to_date(
    here: Path, lmkit: Lmkit
) -> None:
    file = write_pipeline(here / "project")
    exit_code, out, err = lmkit("pipeline", file)
    assert exit_code == 0, err
    lines = out.splitlines()
    assert lines[0] == "work/clean: kept 8 of 8 documents" and lines[1].startswith("work/dedup: ")
    assert Path.cwd() == here and not Path("work").exists()
    assert manifest(here.joinpath("project", "work", "packed"))["counts"]["documents_in"] == 8
    before = contents(here / "project/work")
    exit_code, out, err = lmkit("pipeline", file)
    outputs = ("clean", "dedup", "tokenizer", "packed")
    assert (exit_code, out) == (0, "")
    assert err == "".join(f"work/{name}: up to date\n" for name in outputs)
    assert contents(here / "project/work") == before


def test_a_stage_is_what_its_command_is_in_that_folder(here: Path, lmkit: Lmkit) -> None:
    file = write_pipeline(here)
    assert lmkit("clean", "raw", "--output", "work/clean", "--filters.min-characters", "30")[0] == 0
    assert "work/clean: up to date" in lmkit("pipeline", file, "--to", "clean")[2]


def test_stages_are_chosen_by_name_and_listed_by_a_dry_run(here: Path, lmkit: Lmkit) -> None:
    file = write_pipeline(here)
    assert lmkit("pipeline", file, "--to", "dedup")[0] == 0
    exit_code, out, err = lmkit("pipeline", file, "--dry-run")
    assert (exit_code, err) == (0, "")
    assert [re.split("  +", line) for line in out.splitlines()] == [
        ["clean", "lmkit clean", "work/clean", "finished"],
        ["dedup", "lmkit dedup", "work/dedup", "finished"],
        ["vocabulary", "lmkit train-tokenizer", "work/tokenizer", "not begun"],
        ["pack", "lmkit pack", "work/packed", "not begun"],
    ]
    assert not Path("work/tokenizer").exists()
    listed = json.loads(lmkit("pipeline", file, "--dry-run", "--json", "--from", "vocabulary")[1])
    assert listed["pack"]["state"] == "not begun"
    exit_code, _, err = lmkit("pipeline", file, "--from", "pack")
    assert exit_code == 2 and "the stage vocabulary makes it" in err
    assert lmkit("pipeline", file, "--from", "vocabulary")[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("vocab_size = 700", "vocab_sise = 700", "vocabulary.vocab_sise: no such option; did you"),
        ("sequence_length = 64", "sequence_length = 0", "pack.sequence_length: got 0, must be at"),
        ('tokenizer = "work/tokenizer"', 'tokenizer = "work/t"', "pack.tokenizer: work/t: no such"),
    ],
)
def test_a_mistake_in_a_late_stage_is_found_before_the_first_starts(
    here: Path, lmkit: Lmkit, old: str, new: str, message: str
) -> None:
    file = write_pipeline(here, STAGES.replace(old, new))
    exit_code, out, err = lmkit("pipeline", file)
    assert (exit_code, out) == (2, "") and message in err and "Traceback" not in err
    assert not Path("work").exists()


def test_a_failure_ends_the_pipeline_and_the_same_command_resumes(here: Path, lmkit: Lmkit) -> None:
    file = write_pipeline(here)
    shutil.move("raw", "elsewhere")
    Path("raw").mkdir()
    Path("raw/a.txt").write_bytes(b"\xff\xfe\xff")
    exit_code, out, err = lmkit("pipeline", file)
    assert (exit_code, out) == (1, "") and "Error: stage clean: work/clean: nothing could be" in err
    assert not Path("work/dedup").exists()
    shutil.rmtree("raw")
    shutil.move("elsewhere", "raw")
    shutil.rmtree("work/clean")
    assert lmkit("pipeline", file)[0] == 0


def test_a_killed_pipeline_resumes_to_the_same_bytes(here: Path, lmkit: Lmkit) -> None:
    whole, killed = write_pipeline(here / "whole"), write_pipeline(here / "killed")
    assert lmkit("pipeline", whole, "--to", "dedup")[0] == 0
    serial = killed.read_text().replace('output = "work/dedup"', 'output = "work/dedup"\nworkers=1')
    killed.write_text(serial)
    run_until_killed("bands", 0, "pipeline", str(killed), "--to", "dedup")
    assert not here.joinpath("killed", "work", "dedup", "manifest.json").exists()
    exit_code, _, err = lmkit("pipeline", killed, "--to", "dedup")
    assert exit_code == 0 and "work/clean: up to date" in err
    assert contents(here / "killed/work") == contents(here / "whole/work")


def test_ctrl_c_names_the_stage(here: Path) -> None:
    file = write_pipeline(here, STAGES.replace('"work/dedup"\n', '"work/dedup"\nworkers = 1\n', 1))
    run = [sys.executable, "-c", INTERRUPTED, "pipeline", str(file)]
    done = subprocess.run(
        run,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == 130
    assert "Error: stage dedup: interrupted\nHint: the same command resumes" in done.stderr


def test_a_pipeline_is_a_function_too(here: Path) -> None:
    file = write_pipeline(here / "project")
    results = api.pipeline(api.PipelineConfig(file=file, to="dedup"))
    assert list(results) == ["clean", "dedup"]
    assert results["clean"].counts.documents_out == 8
    assert Path.cwd() == here


def test_several_processes_are_refused(
    here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    exit_code, _, err = lmkit("pipeline", write_pipeline(here))
    assert exit_code == 2 and "got 2 processes, must be one" in err


def test_the_example_runs_on_a_few_steps(tmp_path: Path, lmkit: Lmkit) -> None:
    text = (ROOT / "examples/pipeline.toml").read_text("utf-8")
    for old, new in (
        *(("vocab_size = 4096", "vocab_size = 700"), ("steps = 400", "steps = 2")),
        *(("batch_tokens = 4096", "batch_tokens = 256"), ("length = 256", "length = 64")),
        *(('"llama-1m"', '"tiny-decoder"'), ("validation = 0.02", "validation = 0.2")),
        ("warmup_steps = 50", "warmup_steps = 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/pipeline.toml").write_text(text)
    folder = tmp_path / "work/python-text"
    folder.mkdir(parents=True)
    for name in sorted(topics)[:12]:
        (folder / f"{name}.txt").write_text(topics[name])
    exit_code, out, err = lmkit("pipeline", tmp_path / "examples/pipeline.toml")
    assert exit_code == 0, err
    assert "2 steps" in out and (tmp_path / "work/pipeline/report/report.html").exists()
