import json
import math
import shutil
from pathlib import Path

import pytest

from lmkit.commands.plan.planned_data import PlannedData
from lmkit.errors import InputError
from tests.conftest import manifest


def test_the_data_is_what_its_manifest_lists(packed: Path) -> None:
    data, recorded = PlannedData.at((packed,), None, Path("unused")), manifest(packed)["details"]
    train, held_out = recorded["train"], recorded["validation"]
    assert data.tokens == train["tokens"] and data.sequences == train["rows"]
    assert data.held_out_sequences == held_out["rows"] and data.sequence_length == 32
    assert data.bytes_per_token == held_out["bytes_of_text"] / held_out["tokens"]
    assert data.epochs(2 * 32 * train["rows"]) == 2


def test_repeated_tokens_are_worth_less(packed: Path) -> None:
    data = PlannedData.at((packed,), None, Path("unused"))
    assert data.effective_of_tokens(data.tokens / 2) == data.tokens / 2
    # Muennighoff et al. (2023): 1 + 15.39 (1 - exp(-3 / 15.39)) of four epochs.
    worth = 1 + 15.39 * (1 - math.exp(-3 / 15.39))
    assert data.effective_of_tokens(4 * data.tokens) == pytest.approx(worth * data.tokens)
    low, high = data.other_effective(4 * data.sequences * 32)
    assert low < worth * data.tokens < high


@pytest.mark.parametrize("name", ["tokens", "bytes_of_text"])
def test_a_folder_without_tokens_or_bytes_is_damaged(
    packed: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "packed"
    shutil.copytree(packed, folder)
    listed = manifest(folder)
    listed["details"]["validation"][name] = 0
    (folder / "manifest.json").write_text(json.dumps(listed))
    with pytest.raises(InputError, match="damaged: it lists no tokens, or no bytes of text"):
        PlannedData.at((folder,), None, Path("unused"))
