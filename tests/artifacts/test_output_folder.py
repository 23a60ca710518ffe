import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.clean.run import clean
from lmkit.errors import ConfigError, LmkitError, OutputError
from tests.conftest import contents, manifest, texts


def config(raw: Path, output: str, **options: object) -> CleanConfig:
    values = {"inputs": [raw], "output": output, "shard_bytes": 60, **options}
    return CleanConfig.model_validate(values)


@pytest.fixture
def big(here: Path) -> Path:
    """A folder that takes long enough to clean to be killed in the middle."""
    folder = Path("big")
    folder.mkdir()
    for number in range(24):
        lines = (
            json.dumps({"text": f"line {number} of {n} {'words ' * 20}"}) + "\n"
            for n in range(1_000)
        )
        (folder / f"{number:02d}.jsonl").write_text("".join(lines))
    return folder


def test_the_number_of_workers_does_not_change_a_byte(raw: Path) -> None:
    clean(config(raw, "one", workers=1))
    clean(config(raw, "three", workers=3))
    assert contents(Path("one")) == contents(Path("three"))
    assert len(contents(Path("one"))) > 1


def doubled(number: int) -> int:
    return 2 * number


def test_what_is_mapped_leaves_nothing_in_the_folder(here: Path) -> None:
    folder = OutputFolder(CleanConfig(inputs=(here,), output=Path("out")), Path("out"), [])
    for workers in (1, 2):
        found = folder.map(doubled, range(5), workers=workers, label="doubling")
        assert found == [0, 2, 4, 6, 8]
    assert not Path("out").exists() and not folder.receipts


def test_the_division_into_tasks_changes_neither_ids_nor_order(raw: Path) -> None:
    clean(config(raw, "many", shard_bytes=1))
    clean(config(raw, "few", shard_bytes=10_000))
    assert len(contents(Path("many"))) > len(contents(Path("few")))
    assert texts(Path("many")) == texts(Path("few"))


def test_a_folder_that_was_cut_by_a_number_is_not_up_to_date_with_auto(raw: Path) -> None:
    number, auto = (
        config(raw, "out", shard_bytes=64_000_000),
        config(raw, "out", shard_bytes="auto"),
    )
    clean(number)
    with pytest.raises(OutputError, match="--shard-bytes was 64000000, now auto"):
        clean(auto)
    assert clean(number) == clean(number)
    assert CleanConfig(inputs=(raw,), output=Path("out")).shard_bytes == "auto"


def test_running_the_same_again_changes_nothing(
    raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = clean(config(raw, "out"))
    before = {path: path.stat().st_mtime_ns for path in [Path("out"), *Path("out").iterdir()]}
    assert clean(config(raw, "out", workers=2)) == first
    assert capsys.readouterr().err.endswith("out: up to date\n")
    after = {path: path.stat().st_mtime_ns for path in [Path("out"), *Path("out").iterdir()]}
    assert after == before


def test_a_finished_folder_holds_its_outputs_and_nothing_hidden(raw: Path) -> None:
    clean(config(raw, "out", shard_bytes=10_000))
    shards = ["documents-00000.jsonl.zst", "rejected-00000.jsonl.zst", "signals-00000.parquet"]
    assert sorted(path.name for path in Path("out").iterdir()) == sorted([*shards, "manifest.json"])


def test_a_touched_or_moved_input_is_not_a_change(raw: Path) -> None:
    clean(config(raw, "out"))
    (raw / "cat.txt").touch()
    clean(config(raw, "out"))
    Path("elsewhere").mkdir()
    raw.rename("elsewhere/raw")
    clean(config(Path("elsewhere/raw"), "out"))


def test_a_changed_option_or_input_is_an_error_unless_overwritten(raw: Path) -> None:
    clean(config(raw, "out"))
    (raw / "hi.txt").write_text("a text that is long enough to be kept by the filters")
    with pytest.raises(OutputError) as error:
        clean(config(raw, "out", seed=7))
    assert "--seed was 0, now 7" in str(error.value)
    assert "input raw/hi.txt has changed" in str(error.value)
    clean(config(raw, "out", seed=7, overwrite=True))
    assert len(texts(Path("out"))) == 4
    assert "overwrite" not in manifest(Path("out"))["config"]


def test_a_deleted_output_is_detected(raw: Path) -> None:
    clean(config(raw, "out"))
    Path("out/documents-00000.jsonl.zst").unlink()
    with pytest.raises(OutputError, match="documents-00000"):
        clean(config(raw, "out"))


def test_verify_reads_outputs_and_inputs_again(raw: Path) -> None:
    clean(config(raw, "out"))
    shard = Path("out/documents-00000.jsonl.zst")
    shard.write_bytes(bytes(shard.stat().st_size))
    clean(config(raw, "out"))
    with pytest.raises(OutputError, match="documents-00000"):
        clean(config(raw, "out", verify=True))


def test_overwriting_leaves_no_shard_of_the_old_output(raw: Path) -> None:
    clean(config(raw, "out", shard_bytes=1))
    clean(config(raw, "out", shard_bytes=10_000, overwrite=True))
    shards = ["documents-00000.jsonl.zst", "rejected-00000.jsonl.zst", "signals-00000.parquet"]
    assert list(contents(Path("out"))) == shards


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("existing", ["nothing", "a manifest"])
def test_files_of_other_programs_are_never_changed(
    raw: Path, overwrite: bool, existing: str
) -> None:
    Path("out").mkdir()
    Path("out/thesis.tex").write_text("years of work")
    if existing == "a manifest":
        Path("out/manifest.json").write_text('{"name": "a browser extension"}')
    before = contents(Path("out"))
    with pytest.raises(OutputError, match="did not write"):
        clean(config(raw, "out", overwrite=overwrite))
    assert contents(Path("out")) == before
    assert not Path("out/.lock").exists()


def test_a_foreign_file_in_a_folder_prevents_overwriting(raw: Path) -> None:
    clean(config(raw, "out"))
    Path("out/notes.md").write_text("why I made this")
    with pytest.raises(OutputError, match=r"did not write \(notes.md\)"):
        clean(config(raw, "out", seed=1, overwrite=True))


def test_only_the_stage_that_wrote_a_folder_overwrites_it(raw: Path) -> None:
    clean(config(raw, "out"))
    text = Path("out/manifest.json").read_text().replace('"stage": "clean"', '"stage": "pack"')
    Path("out/manifest.json").write_text(text)
    with pytest.raises(OutputError, match="made by lmkit pack"):
        clean(config(raw, "out", overwrite=True))


@pytest.mark.parametrize("output", ["raw", "raw/deep/out", "raw/../raw"])
def test_nothing_is_written_into_an_input(raw: Path, output: str) -> None:
    with pytest.raises(ConfigError, match="input"):
        clean(config(raw, output))
    assert not Path("raw/deep").exists()


def test_two_runs_do_not_share_a_folder(raw: Path) -> None:
    Path("out").mkdir()
    with folder_lock(Path("out")), pytest.raises(OutputError, match="another run"):
        clean(config(raw, "out"))


def test_a_failed_run_keeps_what_it_finished(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lmkit.commands.clean import steps as stage

    original = stage.normalize

    def failing(text: str, rules: object, *more: object) -> str:
        if "dog" in text:
            raise LmkitError("the disk is on fire")
        return original(text, rules, *more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "normalize", failing)
        with pytest.raises(LmkitError, match="fire"):
            clean(config(raw, "out", workers=1))
    assert not Path("out/manifest.json").exists()
    with pytest.raises(
        OutputError, match="started with other options or inputs:\n  --seed was 0, now 1"
    ):
        clean(config(raw, "out", seed=1))
    clean(config(raw, "out"))
    assert "resuming: 1 of" in capsys.readouterr().err
    clean(config(raw, "whole"))
    assert contents(Path("out")) == contents(Path("whole"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_resumes_to_the_same_bytes(big: Path, workers: int) -> None:
    command = [sys.executable, "-m", "lmkit", "clean", str(big), f"--workers={workers}"]
    options = ["--shard-bytes=1", "--output"]
    subprocess.run([*command, *options, "whole"], check=True, capture_output=True)
    run = subprocess.Popen([*command, *options, "killed"], stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(Path("killed/.partial").glob("documents-0*.json"))) >= 3)
    helpers = list(descendants(run.pid))
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in helpers))
    assert not Path("killed/manifest.json").exists()

    resumed = subprocess.run([*command, *options, "killed"], capture_output=True, text=True)
    assert "resuming" in resumed.stderr
    assert contents(Path("killed")) == contents(Path("whole"))
    varying = {"seconds", "task_seconds", "bytes_per_second", "config"}
    one, other = (
        {key: value for key, value in manifest(Path(name)).items() if key not in varying}
        for name in ("killed", "whole")
    )
    assert one == other


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def descendants(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


@pytest.mark.parametrize("path", ["out/.partial/precious.txt", "out/.lock", "out/deep/a.txt"])
def test_files_with_names_similar_to_outputs_are_not_changed(raw: Path, path: str) -> None:
    Path(path).parent.mkdir(parents=True)
    Path(path).write_text("precious")
    with pytest.raises(OutputError, match="did not write"):
        clean(config(raw, "out", overwrite=True))
    assert Path(path).read_text() == "precious"


def test_nothing_is_written_through_a_link(raw: Path) -> None:
    clean(config(raw, "out"))
    Path("elsewhere").mkdir()
    Path("out/documents-00007.jsonl.zst").symlink_to(Path("elsewhere").resolve())
    with pytest.raises(OutputError):
        clean(config(raw, "out", seed=1, overwrite=True))
    assert not list(Path("elsewhere").iterdir())


def test_an_input_inside_the_output_is_refused(raw: Path) -> None:
    clean(config(raw, "out"))
    before = contents(Path("out"))
    for inside in ("out/documents-00000.jsonl.zst", "out"):
        with pytest.raises(ConfigError, match="--output"):
            clean(config(Path(inside), "out", overwrite=True))
    assert contents(Path("out")) == before


@pytest.mark.parametrize("output", ["raw/cat.txt/x", "dangling", "dangling/x", "caf\udce9"])
def test_an_output_that_cannot_be_created_is_an_error(raw: Path, output: str) -> None:
    Path("dangling").symlink_to("nowhere")
    with pytest.raises((OutputError, ConfigError)):
        clean(config(Path("raw/dog.txt"), output))


def test_verify_reads_finished_folders(raw: Path) -> None:
    clean(config(raw, "one"))
    clean(config(Path("one"), "two"))
    shard = Path("one/documents-00000.jsonl.zst")
    data = bytearray(shard.read_bytes())
    data[20] ^= 1
    shard.write_bytes(data)
    clean(config(Path("one"), "two"))
    with pytest.raises(LmkitError, match="documents-00000"):
        clean(config(Path("one"), "two", verify=True))


def test_a_run_killed_before_its_plan_was_renamed_can_start_again(raw: Path) -> None:
    Path("out/.partial").mkdir(parents=True)
    Path("out/.partial/plan.json.123-0").write_text("{")
    clean(config(raw, "out"))
    assert not Path("out/.partial").exists()


def test_leftovers_of_a_kill_after_the_manifest_are_removed(raw: Path) -> None:
    clean(config(raw, "out"))
    before = contents(Path("out"))
    Path("out/.partial").mkdir()
    Path("out/.partial/documents-00000.json").write_text("{}")
    Path("out/.lock").touch()
    clean(config(raw, "out"))
    assert contents(Path("out")) == before
    assert not Path("out/.partial").exists() and not Path("out/.lock").exists()


def test_a_foreign_file_in_the_scratch_folder_prevents_overwriting(raw: Path) -> None:
    clean(config(raw, "out"))
    Path("out/.partial").mkdir()
    Path("out/.partial/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        clean(config(raw, "out", seed=1, overwrite=True))
    assert Path("out/.partial/notes.txt").read_text() == "mine"
