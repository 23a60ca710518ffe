import shutil
from pathlib import Path

import pytest

from lmkit.errors import InputError
from lmkit.reporting.lineage import MISSING, RAW, Lineage, find_lineage
from tests.reporting.folders import raw_file, write_folder

STAGES = ["clean-0", "clean-1", "dedup", "tokenizer", "packed", "run", "eval"]


def names(lineage: Lineage) -> list[str]:
    return [each.name for each in lineage.folders()]


def test_a_folder_is_shown_with_all_that_it_was_made_of(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pipeline)
    found = find_lineage([Path("work/eval")], Path("o"))
    assert names(found) == STAGES and not found.problems
    raw = [node for node in found.nodes if node.stage == RAW]
    assert {node.name for node in raw} == {"books", "we<b>b'", "pairs.jsonl"}


def test_a_folder_that_holds_folders_shows_them_all_from_wherever_it_is_named(
    pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pipeline / "work", tmp_path / "moved")
    for top in (pipeline / "work", Path("moved")):
        found = find_lineage([top], Path("o"))
        assert names(found) == STAGES and not found.problems


def test_each_folder_stands_after_those_that_it_was_made_of(pipeline: Path) -> None:
    found = find_lineage([pipeline / "work"], Path("o"))
    known: set[str] = set()
    for node in found.nodes:
        assert known >= set(node.inputs)
        known.add(node.key)


def test_a_checkpoint_stands_for_its_run(pipeline: Path) -> None:
    (checkpoint, *_) = sorted((pipeline / "work" / "run" / "checkpoints").glob("step-*"))
    assert names(find_lineage([checkpoint], Path("o")))[-1] == "run"


def test_what_is_no_longer_there_is_missing(tmp_path: Path) -> None:
    read = {"path": "work/clean", "sha256": ["0"]}
    write_folder(tmp_path / "dedup", "dedup", inputs=[read])
    found = find_lineage([tmp_path / "dedup"], Path("o"))
    first = found.nodes[0]
    assert (first.name, first.stage) == ("work/clean", MISSING)


def test_a_folder_that_was_made_again_since_is_named(tmp_path: Path) -> None:
    clean = write_folder(tmp_path / "clean", "clean")
    write_folder(tmp_path / "dedup", "dedup", inputs=[{"path": str(clean), "sha256": ["old"]}])
    (problem,) = find_lineage([tmp_path], Path("o")).problems
    assert "dedup was made of" in problem and "made again since" in problem


def test_reports_hidden_folders_and_the_output_are_left_out(tmp_path: Path) -> None:
    for name, stage in {"clean": "clean", "r": "report", ".old": "clean", "out": "clean"}.items():
        write_folder(tmp_path / name, stage)
    assert names(find_lineage([tmp_path], tmp_path / "out")) == ["clean"]


def test_many_files_of_a_source_are_one_node(tmp_path: Path) -> None:
    inputs = [raw_file(f"raw/{number}.txt") for number in range(1_000)]
    write_folder(tmp_path / "clean", "clean", inputs=inputs)
    raw, _ = find_lineage([tmp_path], Path("o")).nodes
    assert (raw.files, raw.bytes, raw.name) == (1_000, 10_000, "raw")


def test_a_damaged_manifest_below_is_a_problem_and_a_typed_one_an_error(tmp_path: Path) -> None:
    write_folder(tmp_path / "good", "clean")
    write_folder(tmp_path / "bad", "clean")
    (tmp_path / "bad" / "manifest.json").write_text('{"stage": "clean", "lmkit"')
    found = find_lineage([tmp_path], Path("o"))
    assert names(found) == ["good"] and "damaged" in found.problems[0]
    with pytest.raises(InputError, match="damaged"):
        find_lineage([tmp_path / "bad"], Path("o"))


@pytest.mark.parametrize("typed", ["nothing", "empty"])
def test_a_folder_without_folders_of_lmkit_is_an_error(tmp_path: Path, typed: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no such folder|holds no folder that lmkit made"):
        find_lineage([tmp_path / typed], Path("o"))


def test_folders_of_the_same_name_are_called_by_what_differs(tmp_path: Path) -> None:
    for name in ("a/clean", "b/clean"):
        write_folder(tmp_path / name, "clean")
    assert names(find_lineage([tmp_path], Path("o"))) == ["a/clean", "b/clean"]
