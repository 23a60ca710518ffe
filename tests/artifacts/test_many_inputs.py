"""A folder whose list of inputs is a file of its own, from its plan to the next stage."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lmkit.artifacts.input_lists import found_inputs, input_changes, streamed_inputs
from lmkit.artifacts.manifest import Manifest, read
from tests.artifacts.faulty_store import faulty_store
from tests.commands.dying import run_to_end, run_until_killed
from tests.conftest import Lmkit, contents, manifest, prose

FEW = """
from lmkit.artifacts.input_lists import found_inputs, input_changes, streamed_inputs
found_inputs.MOST_OBJECTS = streamed_inputs.MOST_IN_A_MANIFEST = 3
input_changes.MATCHED_AS_OBJECTS = found_inputs.BLOCK = 3
found_inputs.PIECE = 2
"""
VARYING = {"seconds", "task_seconds", "bytes_per_second", "config", "inputs", "machine"}


@pytest.fixture
def some(here: Path) -> Path:
    """Files of documents, of which one is read in two tasks."""
    for number, text in enumerate(prose(8)):
        lines = [json.dumps({"id": f"{number}-{n}", "text": text + str(n)}) for n in range(3)]
        path = Path("some") / ("deep" if number % 2 else "") / f"{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines * (4 if number == 5 else 1)) + "\n")
    return Path("some")


@pytest.fixture
def many(some: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same inputs, of which 3 are few; `whole` is what is written where they aren't many."""
    assert lmkit(*clean("whole"))[0] == 0
    assert len(manifest(Path("whole"))["inputs"]) == 8
    for module, name, value in (
        (found_inputs, "MOST_OBJECTS", 3),
        (found_inputs, "BLOCK", 3),
        (found_inputs, "PIECE", 2),
        (streamed_inputs, "MOST_IN_A_MANIFEST", 3),
        (input_changes, "MATCHED_AS_OBJECTS", 3),
    ):
        monkeypatch.setattr(module, name, value)
    return some


def clean(output: str, workers: int = 1) -> list[str]:
    options = f"--shard-bytes 4000 --filters.preset none --workers {workers} --output {output}"
    return ["clean", "some", *options.split()]


def listed(folder: Path) -> Path:
    """The list of the inputs of a folder, the only one."""
    (path,) = folder.glob("inputs-*.jsonl.zst")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    data = zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read()
    return [json.loads(line) for line in data.splitlines()]


def without_list(folder: Path) -> dict[str, bytes]:
    found = contents(folder)
    del found[listed(folder).name]
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_a_long_list_changes_no_output_and_holds_what_a_short_one_does(
    many: Path, lmkit: Lmkit, workers: int
) -> None:
    assert lmkit(*clean("out", workers))[0] == 0
    assert without_list(Path("out")) == contents(Path("whole"))
    made, whole = manifest(Path("out")), manifest(Path("whole"))
    assert made["inputs"]["file"] == listed(Path("out")).name
    assert lines(listed(Path("out"))) == whole["inputs"]
    assert {k: v for k, v in made.items() if k not in VARYING} == {
        k: v for k, v in whole.items() if k not in VARYING
    }
    inspected = [json.loads(lmkit("inspect", name, "--json")[1]) for name in ("out", "whole")]
    assert inspected[0]["inputs"] == inspected[1]["inputs"]
    assert inspected[0]["outputs"] == inspected[1]["outputs"] and not inspected[0]["problems"]


def test_the_same_again_is_up_to_date_and_a_change_is_named(many: Path, lmkit: Lmkit) -> None:
    assert lmkit(*clean("out"))[0] == 0
    before = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    (many / "0.jsonl").touch()
    exit_code, _, err = lmkit(*clean("out"))
    assert exit_code == 0 and "out: up to date" in err
    assert {path: path.stat().st_mtime_ns for path in Path("out").iterdir()} == before

    (many / "deep/1.jsonl").write_text('{"text": "another"}\n')
    shutil.copy(many / "2.jsonl", many / "22.jsonl")
    (many / "4.jsonl").unlink()
    exit_code, _, err = lmkit(*clean("out"))
    assert exit_code == 2
    changes = ("1.jsonl has changed", "22.jsonl is new", "4.jsonl is gone")
    assert all(change in err for change in changes) and "0.jsonl" not in err
    first = listed(Path("out"))
    assert lmkit(*clean("out"), "--overwrite")[0] == 0
    assert listed(Path("out")) != first and not Path("out/.partial").exists()


def test_a_list_is_read_where_few_are_many_no_more(
    many: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lmkit(*clean("out"))[0] == 0
    monkeypatch.setattr(streamed_inputs, "MOST_IN_A_MANIFEST", 100)
    monkeypatch.setattr(found_inputs, "MOST_OBJECTS", 100)
    monkeypatch.setattr(input_changes, "MATCHED_AS_OBJECTS", 100)
    assert "up to date" in lmkit(*clean("out"))[2]


def test_the_next_stage_needs_no_list(many: Path, lmkit: Lmkit) -> None:
    assert lmkit(*clean("out"))[0] == 0
    listed(Path("out")).unlink()
    for name in ("whole", "out"):
        assert lmkit("dedup", name, "--output", f"{name}-once")[0] == 0
    assert contents(Path("out-once")) == contents(Path("whole-once"))


@pytest.mark.parametrize("size", [None, 0, 40])
def test_a_damaged_list_is_an_error_of_one_line_and_made_again(
    many: Path, lmkit: Lmkit, size: int | None
) -> None:
    assert lmkit(*clean("out"))[0] == 0
    path = listed(Path("out"))
    data = path.read_bytes()
    path.unlink() if size is None else path.write_bytes(data[:size])
    for command in (clean("out"), ["inspect", "out"]):
        exit_code, _, err = lmkit(*command)
        assert exit_code == 2 and f"{path}: damaged: " in err and "Traceback" not in err
    assert lmkit(*clean("out"), "--overwrite")[0] == 0
    assert path.read_bytes() == data


@pytest.mark.parametrize(("step", "number"), [("documents", 0), ("documents", 3)])
def test_a_killed_run_resumes_to_the_same_bytes(some: Path, step: str, number: int) -> None:
    run_to_end(*clean("whole"), setup=FEW)
    run_until_killed(step, number, *clean("out"), setup=FEW)
    assert listed(Path("out/.partial")) and not Path("out/manifest.json").exists()
    (some / "0.jsonl").touch()  # read again, and its time is planned
    assert number == 0 or "resuming" in run_to_end(*clean("out"), setup=FEW)
    run_to_end(*clean("out"), setup=FEW)
    assert without_list(Path("out")) == without_list(Path("whole"))


def test_a_run_that_is_killed_before_or_after_its_plan_begins_again(
    many: Path, lmkit: Lmkit
) -> None:
    assert lmkit(*clean("out"))[0] == 0
    name = listed(Path("out")).name
    Path("early/.partial").mkdir(parents=True)
    for left in (name, "inputs.jsonl.zst", "inputs.jsonl.zst.81-0"):
        shutil.copy(listed(Path("out")), Path("early/.partial") / left)
    assert lmkit(*clean("early"))[0] == 0
    assert contents(Path("early")) == contents(Path("out"))

    late = Path(shutil.copytree("out", "late"))
    (late / "manifest.json").unlink()
    (late / ".partial").mkdir()
    made = read(Manifest, Path("out/manifest.json"))
    assert made is not None
    made.write(late / ".partial/plan.json", late / ".partial")
    assert lmkit(*clean("late"))[0] == 0, "killed between the list and the manifest"
    assert contents(late) == contents(Path("out"))


def test_a_list_is_no_document(many: Path, lmkit: Lmkit) -> None:
    assert lmkit(*clean("out"))[0] == 0
    Path("loose").mkdir()
    shutil.copy(listed(Path("out")), "loose")
    exit_code, _, err = lmkit("clean", "loose", "--output", "never")
    assert exit_code == 2 and "lmkit wrote it" in err


def test_a_list_lies_next_to_a_manifest_in_a_store(
    many: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faulty_store(monkeypatch) as store:
        url = "faulty://bucket/out"
        here = ("--executor", "inline", "--scratch", "scratch")
        command = [*clean(url), *here]
        exit_code, _, err = lmkit(*command)
        assert exit_code == 0, err
        stored = json.loads(store.store["/bucket/out/manifest.json"].getvalue())
        name = stored["inputs"]["file"]
        found = store.contents("bucket/out")
        data = found.pop(name)
        assert found == contents(Path("whole"))
        Path("list").write_bytes(data)
        assert lines(Path("list")) == manifest(Path("whole"))["inputs"]
        assert "up to date" in lmkit(*command)[2]
        (many / "0.jsonl").write_text('{"text": "another"}\n')
        exit_code, _, err = lmkit(*command)
        assert exit_code == 2 and "0.jsonl has changed" in err
        assert lmkit(*command, "--overwrite")[0] == 0
        names = [name for name in store.contents("bucket/out") if "inputs-" in name]
        assert len(names) == 1 and not [*Path("scratch").iterdir()]
        assert lmkit("dedup", url, "--output", "once")[0] == 0
