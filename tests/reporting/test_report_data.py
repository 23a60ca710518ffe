from pathlib import Path

from lmkit.artifacts.opened_folder import open_folder
from lmkit.reporting.report_data import digest_of, names
from tests.reporting.folders import data_of, write_folder, write_run


def test_runs_and_scores_are_read(pipeline: Path) -> None:
    data = data_of(pipeline / "work")
    assert [run.name for run in data.runs] == ["run"] and len(data.runs[0].metrics.steps) == 6
    (evaluation,) = data.evaluations
    assert evaluation.scores.text.tokens and list(evaluation.scores.tasks) == ["pairs"]
    assert names(data.folders("clean")) == "clean-0, clean-1"


def test_scores_that_cannot_be_read_are_a_problem(tmp_path: Path) -> None:
    write_folder(tmp_path / "eval", "eval")
    data = data_of(tmp_path)
    assert not data.evaluations and "scores.json: corrupt" in data.unreadable[0]


def test_the_digest_changes_with_anything_that_is_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [3, 2])
    digests = [digest_of(open_folder(run))]
    for name in ("metrics.jsonl", "samples.jsonl"):
        with (run / name).open("a") as file:
            file.write("{}\n")
        digests.append(digest_of(open_folder(run)))
    assert len(set(digests)) == 3
