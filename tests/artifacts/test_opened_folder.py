from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from lmkit.artifacts.manifest import Plan
from lmkit.artifacts.opened_folder import is_begun, open_folder
from lmkit.errors import InputError
from tests.conftest import Lmkit


def test_a_finished_folder_is_opened_with_its_manifest(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "out")
    folder = open_folder(Path("out"))
    assert folder.manifest and folder.counts.documents_in == 4
    assert folder.outputs[0].name == "documents-00000.jsonl.zst"
    assert is_begun(Path("out")) and not is_begun(raw)


def test_the_hint_names_the_command_that_was_typed(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "out")
    (file,) = Path("out").glob("documents-*")
    with pytest.raises(InputError) as error:
        open_folder(file, "report")
    assert error.value.hint == "try: lmkit report out"


@pytest.fixture
def url(raw: Path, lmkit: Lmkit) -> Iterator[str]:
    """A folder of lmkit clean at a URL."""
    lmkit("clean", raw, "--output", "out")
    system = fsspec.filesystem("memory")
    for path in Path("out").iterdir():
        system.pipe_file(f"/bucket/out/{path.name}", path.read_bytes())
    yield "memory://bucket/out"
    system.rm("/bucket", recursive=True)


def test_one_at_a_url_is_opened_with_its_manifest(url: str) -> None:
    folder, local = open_folder(Path(url)), open_folder(Path("out"))
    assert folder.plan == local.plan and folder.counts == local.counts
    assert folder.shown == url and not [*folder.damaged_files()]
    assert folder.finished_at and local.finished_at
    assert abs((folder.finished_at - local.finished_at).total_seconds()) < 600


def test_what_is_missing_at_a_url_is_named(url: str) -> None:
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/out/documents-00000.jsonl.zst", b"short")
    (problem,) = open_folder(Path(url)).damaged_files()
    assert problem.startswith(f"{url}/documents-00000.jsonl.zst: has another size")
    system.rm("/bucket/out/manifest.json")
    with pytest.raises(InputError, match=f"{url}: not made by lmkit: it holds no manifest.json"):
        open_folder(Path(url))


def test_the_plan_of_an_unfinished_run_at_a_url_is_opened(url: str) -> None:
    system = fsspec.filesystem("memory")
    system.rm("/bucket/out/manifest.json")
    plan = open_folder(Path("out")).plan.model_dump_json(include={*Plan.model_fields})
    system.pipe_file("/bucket/out/.partial/plan.json", plan.encode())
    folder = open_folder(Path(url))
    assert folder.manifest is None and folder.plan.stage == "clean" and not folder.outputs
    system.pipe_file("/bucket/out/.partial/plan.json", b"{")
    with pytest.raises(InputError, match=r"plan\.json: damaged"):
        open_folder(Path(url))


def test_other_commands_want_a_copy_of_one_at_a_url() -> None:
    with pytest.raises(InputError, match=r"s3://b/out: lmkit report reads folders on a disk"):
        open_folder(Path("s3://b/out"), "report")
