import json
import shutil
from pathlib import Path

import pytest

from lmkit.cli import main
from tests.commands.inspect.folders import HOSTILE
from tests.conftest import TEXTS


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of every stage up to pack, from documents of which two are hostile."""
    folder = tmp_path_factory.mktemp("built")
    raw = folder / "raw"
    raw.mkdir()
    for name, text in TEXTS.items():
        (raw / name).write_text(text)
    for name in ("one", "two"):
        (raw / f"{name}.jsonl").write_text(json.dumps({"id": name, "text": HOSTILE + name}) + "\n")
    (raw / "bad.txt").write_bytes(b"caf\xe9")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (
            "clean raw --output work/clean --filters.min-characters 20",
            "train-tokenizer work/clean --output work/tokenizer --vocab-size 600",
            "pack work/clean --tokenizer work/tokenizer --output work/packed --sequence-length 16",
        ):
            assert main(command.split()) == 0
    return folder


@pytest.fixture
def work(built: Path, here: Path) -> Path:
    """A copy of them, in the current folder."""
    shutil.copytree(built, here, dirs_exist_ok=True)
    return Path("work")
