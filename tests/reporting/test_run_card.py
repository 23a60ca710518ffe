import json
from pathlib import Path

import pytest

from lmkit.cli import main
from lmkit.reporting.run_card import run_card
from tests.reporting.folders import data_of, write_run


def test_scores_stand_in_the_front_matter(pipeline: Path) -> None:
    data = data_of(pipeline / "work")
    text = run_card(data, data.runs[0])
    head = dict(line.split(": ", 1) for line in text.split("---")[1].strip().splitlines())
    (index,) = json.loads(head["model-index"])
    sets = {each["dataset"]["name"]: each["metrics"] for each in index["results"]}
    assert set(sets) == {"pairs", "held-out text"} and sets["pairs"][0]["type"] == "acc"
    assert json.loads(head["pipeline_tag"]) == "text-generation" and "license" not in head
    assert "| pairs | acc |" in text and "lmkit pretrain work/packed" in text


def test_its_snippet_runs(pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pipeline)
    data = data_of(pipeline / "work")
    text = run_card(data, data.runs[0])
    line = text.split("```bash\n")[1].splitlines()[0]
    command, _, prompt = line.partition(" --prompt ")
    arguments = [*command.split()[1:], "--prompt", prompt.strip('"'), "--max-tokens", "2"]
    assert main(arguments) == 0


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [3, 2], finished=False)
    data = data_of(tmp_path)
    text = run_card(data, data.runs[0])
    assert "its training is not finished" in text and "model-index" not in text
