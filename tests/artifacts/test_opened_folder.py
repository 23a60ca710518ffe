from pathlib import Path

import pytest

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


def test_one_at_a_url_is_to_be_copied() -> None:
    with pytest.raises(InputError, match=r"s3://b/out: lmkit inspect reads folders on a disk"):
        open_folder(Path("s3://b/out"))
