import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import settings

from lmkit.cli import main

# Machines that are shared are slow at times; no test asserts a time.
settings.register_profile("lmkit", deadline=None)
settings.load_profile("lmkit")

TEXTS = {
    "cat.txt": "The cat sat on the mat, and the mat was warm.",
    "dog.txt": "The dog sat on the log, and the log was cold.",
    "hi.txt": "hi",
    "kat.txt": "The  cat sat on the mat,\nand the mat was WARM.",
}
Lmkit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def raw(here: Path) -> Path:
    """A folder of four small .txt files, in the current folder."""
    folder = Path("raw")
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def lmkit(capsys: pytest.CaptureFixture[str]) -> Lmkit:
    """Run a command line in this process: its exit code, standard output, standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        exit_code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return exit_code, out, err

    return run


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real text that LMKIT_CORPORA names."""
    folder = os.environ.get("LMKIT_CORPORA")
    if not folder:
        pytest.skip("needs the corpora: set LMKIT_CORPORA")
    return Path(folder)


def records(folder: Path, kind: str = "documents") -> list[dict[str, Any]]:
    """Read all lines of a kind of file, by a way of its own."""
    lines: list[bytes] = []
    for path in sorted(folder.glob(f"{kind}-*.jsonl.zst")):
        lines += zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read().splitlines()
    return [json.loads(line) for line in lines]


def texts(folder: Path) -> list[str]:
    return [record["text"] for record in records(folder)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but the manifest, whose times differ."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name != "manifest.json"
    }


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())
