import json
from pathlib import Path

import pytest

from lmkit.errors import LmkitError
from lmkit.training.checkpoints.layout import Index, choose_checkpoint, newest_first, read_index


def test_only_checkpoints_are_found(tmp_path: Path) -> None:
    for name in ("step-00000009", "step-100000000", "step-notes", ".partial-step-00000012"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    names = [checkpoint.name for checkpoint in newest_first(tmp_path)]
    assert names == ["step-100000000", "step-00000009"]


def test_a_missing_or_corrupt_index_is_empty(tmp_path: Path) -> None:
    assert read_index(tmp_path) == Index()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/index.json").write_text("{")
    assert read_index(tmp_path) == Index()
    (tmp_path / "checkpoints/index.json").write_text(json.dumps({"latest": "a", "best": None}))
    assert read_index(tmp_path) == Index(latest="a")


def test_a_folder_without_files_is_no_checkpoint_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoints/step-00000009").mkdir(parents=True)
    told: list[str] = []
    with pytest.raises(LmkitError, match="no intact checkpoint"):
        choose_checkpoint(tmp_path, told.append)
    assert "step-00000009" in told[0] and "manifest.json" in told[0]
