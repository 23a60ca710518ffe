from pathlib import Path

from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.registry import KINDS, kind_of
from lmkit.commands.registry import command_named


def test_every_kind_is_named_after_the_command_that_makes_it() -> None:
    assert all(command_named(stage) for stage in KINDS)


def test_a_folder_of_another_command_shows_all_that_its_manifest_records() -> None:
    made = {
        "stage": "train-classifier",
        "lmkit": "0.1.0",
        "config": {},
        "inputs": (),
        "outputs": (),
    }
    details = {"loss": 2.5, "sources": {"web": 3}}
    manifest = Manifest.model_validate(
        made | {"counts": Counts(), "seconds": 1, "details": details}
    )
    found = kind_of("train-classifier").sections(OpenedFolder(Path("out"), manifest))
    assert found == {"details": {"loss": 2.5, "sources.web": 3}}
