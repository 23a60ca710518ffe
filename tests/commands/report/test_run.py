import json
from pathlib import Path

import pytest

from tests.conftest import Lmkit, contents, manifest


@pytest.fixture
def work(raw: Path, lmkit: Lmkit) -> Path:
    assert lmkit("clean", raw, "--output", "work/clean")[0] == 0
    assert lmkit("dedup", "work/clean", "--output", "work/dedup")[0] == 0
    return Path("work")


def test_a_report_may_stand_in_the_folder_that_it_shows(work: Path, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("report", work, "--output", work / "report")
    assert exit_code == 0
    assert out.startswith("work/report/report.html: 2 folders, 0 runs, ")
    assert out.endswith("; next to it dataset_card.md\n")
    assert {path.name for path in (work / "report").iterdir()} == {
        *("report.html", "dataset_card.md", "manifest.json")
    }


def test_the_same_again_is_up_to_date_and_a_change_is_named(work: Path, lmkit: Lmkit) -> None:
    command = ("report", "work/dedup", "--output", "r")
    lmkit(*command)
    before = contents(Path("r"))
    assert "r: up to date" in lmkit(*command)[2]
    lmkit("dedup", "work/clean", "--output", "work/dedup", "--overwrite", "--source", "x")
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "input work/dedup has changed" in err
    assert lmkit(*command, "--overwrite")[0] == 0 and contents(Path("r")) != before


def test_the_same_folders_give_the_same_bytes(work: Path, lmkit: Lmkit) -> None:
    for name in ("a", "b"):
        lmkit("report", work, "--output", name)
    assert contents(Path("a")) == contents(Path("b"))


def test_scripts_get_the_manifest(work: Path, lmkit: Lmkit) -> None:
    _, out, _ = lmkit("report", work, "--output", "r", "--json")
    found = json.loads(out)
    assert found["counts"]["more"] == {"folders": 2, "runs": 0, "evaluations": 0, "missing": 0}
    assert manifest(Path("r"))["stage"] == "report"


def test_a_list_of_folders_is_read(work: Path, lmkit: Lmkit) -> None:
    Path("list.txt").write_text("work/dedup\n")
    assert lmkit("report", "--inputs-from", "list.txt", "--output", "r")[0] == 0


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["raw"], "raw: holds no folder that lmkit made"),
        (["nowhere"], "nowhere: no such folder"),
        ([], "INPUTS: missing"),
        (["--inputs-from", "nowhere"], "--inputs-from: cannot read nowhere"),
    ],
)
def test_what_cannot_be_shown_is_an_error(
    work: Path, lmkit: Lmkit, typed: list[str], message: str
) -> None:
    exit_code, _, err = lmkit("report", *typed, "--output", "r")
    assert exit_code == 2 and message in err and not Path("r").exists()


def test_a_report_is_not_written_into_a_folder_that_it_shows(work: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("report", work, "--output", work / "clean" / "report")
    assert exit_code == 2 and "inside the input" in err
