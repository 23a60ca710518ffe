from collections.abc import Iterator
from pathlib import Path

import pytest

from lmkit.artifacts.finished_folders import finished_manifest
from lmkit.artifacts.local_copies import local_copy
from lmkit.errors import LmkitError
from tests.artifacts.faulty_store import FaultyFileSystem, faulty_store
from tests.conftest import Lmkit, contents


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FaultyFileSystem]]:
    with faulty_store(monkeypatch) as store:
        yield store


def test_a_copy_is_made_once_and_compared_with_the_manifest(
    raw: Path, faulty: type[FaultyFileSystem], lmkit: Lmkit
) -> None:
    lmkit("clean", "raw", "--output", "faulty://bucket/out", "--scratch", "x", "--workers", 1)
    url = Path("faulty://bucket/out")
    manifest = finished_manifest(url)
    assert manifest and manifest.stage == "clean"
    copy = local_copy(url, manifest, Path("copies"))
    assert contents(copy) == faulty.contents("bucket/out")
    assert finished_manifest(copy) == manifest
    file = copy / manifest.outputs[0].name
    before = file.stat().st_ino
    assert local_copy(url, manifest, Path("copies")) == copy and file.stat().st_ino == before
    file.write_bytes(b"damaged")
    local_copy(url, manifest, Path("copies"))
    assert contents(copy) == faulty.contents("bucket/out")
    faulty.store[f"/bucket/out/{manifest.outputs[0].name}"].write(b"more")
    with pytest.raises(LmkitError, match=r"faulty://bucket/out/.* match its manifest.json"):
        local_copy(url, manifest, Path("elsewhere"))


def test_a_manifest_that_names_a_file_elsewhere_writes_nothing(
    raw: Path, faulty: type[FaultyFileSystem], lmkit: Lmkit
) -> None:
    lmkit("clean", "raw", "--output", "faulty://bucket/out", "--scratch", "x", "--workers", 1)
    listed = faulty.store["/bucket/out/manifest.json"]
    forged = listed.getvalue().replace(b'"documents-', b'"../../documents-')
    assert b'"../../documents-' in forged
    listed.seek(0)
    listed.write(forged)
    before = sorted(path for path in raw.parent.rglob("*"))
    exit_code, _, err = lmkit(
        *("pack", "raw", "--tokenizer", "faulty://bucket/out", "--output", "p", "--workers", 1)
    )
    assert exit_code == 2 and "faulty://bucket/out" in err
    assert sorted(path for path in raw.parent.rglob("*")) == before
