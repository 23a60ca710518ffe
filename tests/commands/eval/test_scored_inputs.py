from pathlib import Path

import pytest

from lmkit.commands.eval.options import EvalConfig
from lmkit.commands.eval.scored_inputs import find_scored_inputs
from lmkit.errors import ConfigError
from tests.conftest import Lmkit


def test_packed_folders_have_their_names_and_the_same_ones_their_paths(
    packed: Path, here: Path
) -> None:
    Path("a").symlink_to(packed)
    Path("b").mkdir()
    Path("b", packed.name).symlink_to(packed)
    one = find_scored_inputs(EvalConfig(run=Path("run"), data=(packed, packed)))
    assert [*one.packed] == [packed.name] and len(one.inputs.records) == 1
    paths = (packed, Path("b") / packed.name)
    two = find_scored_inputs(EvalConfig(run=Path("run"), data=paths))
    assert [*two.packed] == list(map(str, paths)) and len(two.inputs.records) == 2


def test_documents_come_before_packed_folders_among_the_inputs(packed: Path, here: Path) -> None:
    Path("t.jsonl").write_text('{"text": "one"}')
    found = find_scored_inputs(EvalConfig(run=Path("run"), data=(packed, Path("t.jsonl"))))
    assert [record.path for record in found.inputs.records] == ["t.jsonl", str(packed)]
    assert [part.input for part in found.documents.slices] == [0]


def test_nothing_to_score_is_an_error(here: Path) -> None:
    with pytest.raises(ConfigError, match="--data: missing, and --task too"):
        find_scored_inputs(EvalConfig(run=Path("run")))


def test_each_packed_folder_must_be_of_the_models_tokenizer(
    trained: Path, packed: Path, raw: Path, here: Path, lmkit: Lmkit
) -> None:
    Path("t.jsonl").write_text('{"text": "one two three four"}\n' * 40)
    lmkit("train-tokenizer", "t.jsonl", "--output", "bytes", "--algorithm", "byte")
    lmkit("pack", "t.jsonl", "--tokenizer", "bytes", "--output", "b", "--sequence-length", "32")
    exit_code, _, err = lmkit("eval", trained, "--data", packed, "--data", "b")
    assert exit_code == 2 and "--data: b was packed with another tokenizer" in err
