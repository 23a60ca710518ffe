from pathlib import Path

import pytest

from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.errors import ConfigError, InputError
from lmkit.packing.packed_folder import PackedFolder
from lmkit.training.data.packed_inputs import PackedInputs

DETAILS = {"tokenizer": "abc", "sequence_length": 8, "bos": 2, "eos": 3, "pad": 0}
DETAILS |= {"packing": "chunk", "vocabulary_size": 9}
SPLIT = {"documents": 1, "cut": 0, "bytes_of_text": 9, "padding": 0, "padding_share": 0}


def packed(path: str, rows: int = 10, tokens: int = 70, **details: object) -> Path:
    """A folder with nothing but a manifest, which is all that is read first."""
    sides = {"train": {**SPLIT, "rows": rows, "tokens": tokens}}
    manifest = Manifest(
        format=2,
        stage="pack",
        lmkit="0",
        config={},
        inputs=(),
        outputs=(),
        counts=Counts(),
        details={**DETAILS, **sides, **details},
        seconds=0,
    )
    Path(path).mkdir()
    manifest.write(Path(path) / "manifest.json", Path(path))
    return Path(path)


def packed_inputs(*paths: Path, weights: tuple[float, ...] | None = None) -> PackedInputs:
    return PackedInputs.at(paths, weights, Path("run"))


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("tokenizer", "abd", "tokenizers"),
        ("sequence_length", 16, r"sequence lengths \(8 and 16\)"),
        ("bos", None, r"BOS tokens \(2 and None\)"),
    ],
)
def test_incompatible_folders_are_named(here: Path, key: str, value: object, name: str) -> None:
    paths = packed("a"), packed("b"), packed("c", **{key: value})
    with pytest.raises(InputError, match=f"a and c have different {name}"):
        packed_inputs(*paths)


def test_a_folder_that_is_given_twice_is_refused(here: Path) -> None:
    path = packed("a")
    with pytest.raises(InputError, match="a is given twice"):
        packed_inputs(path, packed("b"), Path("b/../a"))


def test_a_wrong_number_of_weights_is_refused_before_anything_is_read(here: Path) -> None:
    with pytest.raises(ConfigError, match="must be 2"):
        packed_inputs(packed("a"), packed("b"), weights=(0.5,)).check(hashes=True)


def test_how_often_each_folder_is_read_depends_on_its_fraction_of_the_tokens(here: Path) -> None:
    # 0.75 of the tokens, 7 per sequence, and 0.25, 3.5 per sequence: 3 sequences of one for 2.
    found = packed_inputs(packed("a"), packed("b", rows=20), weights=(0.75, 0.25)).facts(100)
    assert [reads.rows_read for reads in found] == [60, 40]
    assert [reads.epochs for reads in found] == [6, 2]
    assert [reads.share_of_tokens for reads in found] == [0.75, 0.25]


def test_without_weights_every_folder_is_read_equally_often(here: Path) -> None:
    found = packed_inputs(packed("a"), packed("b", rows=30, tokens=70)).facts(80)
    assert [reads.rows_read for reads in found] == [20, 60]
    assert [reads.share_of_tokens for reads in found] == [0.5, 0.5]


def test_one_folder_has_the_inputs_that_it_always_had(here: Path) -> None:
    (record,) = packed_inputs(packed("a")).inputs.records
    assert (record.path, record.source) == ("a", "packed")
    assert len(packed_inputs(Path("a"), packed("b")).inputs.records) == 2
    assert isinstance(packed_inputs(Path("a")).folders[0], PackedFolder)
