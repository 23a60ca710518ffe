from pathlib import Path

import pytest

from lmkit.commands.clean import steps as cleaning
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.clean.run import clean
from lmkit.errors import LmkitError
from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit


def test_an_unfinished_folder_shows_its_progress(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = cleaning.normalize

    def failing(text: str, rules: object, *more: object) -> str:
        if "log" in text:
            raise LmkitError("the disk is on fire")
        return original(text, rules, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(cleaning, "normalize", failing)
    with pytest.raises(LmkitError, match="fire"):
        clean(CleanConfig(inputs=(raw,), output=Path("out"), shard_bytes=1, workers=1))
    found = inspect(lmkit, "out")
    assert found["made"]["state"] == "not finished"
    assert found["made"]["tasks_done"] == {"documents": 1}
    assert "same lmkit clean command resumes" in found["made"]["to_go_on"]
    assert found["counts"]["out"] == 1 and len(found["sample_documents"]) == 1


@pytest.mark.parametrize(
    ("make", "typed", "message", "hint"),
    [
        ("", "nowhere", "nowhere: no such folder", "name a folder that lmkit wrote"),
        ("raw/x/a", "raw/x", "raw/x: not made by lmkit", "name a folder that lmkit wrote"),
        ("work/clean/x", "work/clean/x", "a file, must be a folder", "lmkit inspect work/clean"),
        ("work/packed/x", "work/packed/train", "not made by lmkit", "lmkit inspect work/packed"),
        ("e/manifest.json", "e", "e/manifest.json: not a file that lmkit wrote", "name a folder"),
    ],
)
def test_a_folder_that_lmkit_did_not_write_is_refused_with_a_hint(
    work: Path, lmkit: Lmkit, make: str, typed: str, message: str, hint: str
) -> None:
    if make:
        Path(make).parent.mkdir(parents=True, exist_ok=True)
        Path(make).write_text('{"name": "a browser extension"}')
    exit_code, out, err = lmkit("inspect", typed)
    assert (exit_code, out) == (2, "") and work.exists()
    assert message in err and hint in err


@pytest.mark.parametrize("damage", [b"", b'{"stage": "clean"', b'{"stage":"clean","lmkit":"0"}'])
def test_a_damaged_manifest_is_reported_as_damaged(work: Path, lmkit: Lmkit, damage: bytes) -> None:
    (work / "clean" / "manifest.json").write_bytes(damage)
    exit_code, _, err = lmkit("inspect", work / "clean")
    assert exit_code == 2 and "work/clean/manifest.json: damaged" in err
