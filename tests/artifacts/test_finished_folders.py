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
