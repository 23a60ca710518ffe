import json
from pathlib import Path

import pytest

from lmkit.artifacts.manifest import MANIFEST, Manifest, read
from lmkit.errors import InputError
from lmkit.packing.packed_record import PackedRecord
from tests.conftest import Lmkit


def manifest_of(folder: Path) -> Manifest:
    manifest = read(Manifest, folder / MANIFEST)
    assert manifest is not None
    return manifest


def test_a_record_is_what_the_manifest_holds_in_its_order(packed: Path) -> None:
    manifest = manifest_of(packed)
    record = PackedRecord.from_manifest(manifest, packed)
    assert json.dumps(record.recorded()) == json.dumps(manifest.details)
    assert record.train.tokens == record.train.rows * 32 - record.train.padding
    assert record.split("validation") == record.validation is not None


def test_other_sequences_over_the_same_tokens_keep_their_record(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit("pack", packed, "--output", "other", "--sequence-length", "16")[0] == 0
    old, new = (
        PackedRecord.from_manifest(manifest_of(path), path) for path in (packed, Path("other"))
    )
    changed = {"sequence_length": 16, "train": new.train, "validation": new.validation}
    assert new == old.model_copy(update=changed) and new.train.documents == old.train.documents


def test_a_manifest_without_its_numbers_is_named(packed: Path) -> None:
    manifest = manifest_of(packed)
    less = {key: manifest.details[key] for key in manifest.details if key != "pad"}
    with pytest.raises(InputError, match=r"work/packed/manifest.json: damaged"):
        old = manifest.model_copy(update={"details": less})
        PackedRecord.from_manifest(old, Path("work/packed"))
