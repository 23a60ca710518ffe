"""The options of a Transformers folder."""

from pathlib import Path

import pytest

from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import HfCheckpoint, is_hf_folder
from tests.huggingface.folders import GPT2, change_json, make_folder


def test_a_folder_has_the_options_of_its_config(packed: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "hf", packed.parent / "tokenizer", more_rows=8, **GPT2)
    assert is_hf_folder(folder) and not is_hf_folder(tmp_path)
    checkpoint = HfCheckpoint.at(folder)
    assert (checkpoint.family.model_type, checkpoint.config.layers) == ("gpt2", 2)
    assert checkpoint.vocabulary_size == 608 and checkpoint.hf_config["n_positions"] == 48
    assert [file.name for file in checkpoint.files] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "mamba"}, "model_type: got mamba, must be one of gpt2, llama"),
        ({"vocab_size": "many"}, "vocab_size: got many, must be a number"),
        ({"n_embd": None}, "n_embd is missing"),
        ({"n_layer": "x"}, r"config\.json"),
        ({"scale_attn_weights": False}, "scale_attn_weights: got false"),
    ],
)
def test_a_config_that_lmkit_does_not_support_is_refused(
    packed: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = make_folder(tmp_path / "hf", packed.parent / "tokenizer", **GPT2)
    change_json(folder / "config.json", **changes)
    with pytest.raises(InputError, match=message) as error:
        HfCheckpoint.at(folder)
    assert "\n" not in error.value.message
