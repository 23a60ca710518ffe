import os
from pathlib import Path

import pytest

from lmkit.artifacts.inputs import find_documents
from lmkit.errors import InputError
from tests.conftest import Lmkit


def test_a_finished_folder_must_match_its_manifest(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "clean")
    shard = Path("clean/documents-00000.jsonl.zst")
    with shard.open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="another size"):
        find_documents([Path("clean")], formats=())
    shard.unlink()
    with pytest.raises(InputError, match="missing"):
        find_documents([Path("clean")], formats=())


def test_an_edited_shard_is_detected_when_it_is_read(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "clean")
    lmkit("clean", raw, "--output", "other", "--source", "xxx")
    one, other = (Path(name, "documents-00000.jsonl.zst") for name in ("clean", "other"))
    os.truncate(one, 0)
    one.write_bytes(other.read_bytes())
    if one.stat().st_size == other.stat().st_size:
        exit_code, _, err = lmkit("dedup", "clean", "--output", "dedup")
        assert exit_code in {1, 2} and "manifest.json" in err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stage": "clean", "lmkit": 3}', "[" * 9_999])
def test_a_damaged_manifest_is_refused_and_the_folder_not_read_as_plain_files(
    content: str, raw: Path, lmkit: Lmkit
) -> None:
    lmkit("clean", raw, "--output", "clean")
    (Path("clean") / "manifest.json").write_text(content)
    commands = {
        "dedup": ["clean"],
        "clean": ["clean"],
        "train-tokenizer": ["clean"],
        "pack": ["clean", "--tokenizer", "tokenizer"],
        "train-classifier": ["clean", raw],
    }
    for command, arguments in commands.items():
        code, _, err = lmkit(command, *arguments, "--output", "output")
        assert code == 2, command
        assert "clean/manifest.json: damaged" in err or "no such file" in err, err
    assert not Path("output").exists()


def test_the_manifest_of_another_program_makes_no_folder_ours(raw: Path, lmkit: Lmkit) -> None:
    (raw / "manifest.json").write_text('{"name": "a browser extension", "version": 3}')
    assert lmkit("clean", raw, "--output", "clean")[0] == 0
