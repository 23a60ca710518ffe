"""What a model reads around a text, as far as its folder describes it."""

import json
from pathlib import Path

import pytest

from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import HfCheckpoint
from lmkit.huggingface.folder_tokenizer import FolderTokenizer
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.huggingface.folders import BOS, EOS, GPT2, PAD, T5, change_json, make_folder

BERT: dict[str, object] = {
    **{"architecture": "encoder", "position": "learned", "activation": "gelu"},
    **{"norm": "layernorm", "norm_position": "post", "biases": True},
}
NO_ROLES = dict.fromkeys(("pad_token", "bos_token", "eos_token", "cls_token", "sep_token"))


def read(folder: Path) -> FolderTokenizer:
    return FolderTokenizer.of(HfCheckpoint.at(folder))


@pytest.fixture
def tokenizer(packed: Path) -> Path:
    return packed.parent / "tokenizer"


def without_roles(folder: Path) -> None:
    """Let the tokenizer name no special token but its mask."""
    (folder / "special_tokens_map.json").unlink()
    change_json(folder / "tokenizer_config.json", **NO_ROLES)


@pytest.mark.parametrize("bos", [None, BOS])
def test_a_decoder_reads_bos_if_its_tokenizer_adds_it_and_ends_with_eos(
    tokenizer: Path, tmp_path: Path, bos: int | None
) -> None:
    found = read(make_folder(tmp_path / "hf", tokenizer, bos=bos))
    assert (found.bos, found.eos) == (bos, EOS)
    assert found.tokenizer.fingerprint == Tokenizer.load(tmp_path / "hf").fingerprint


def test_an_encoder_reads_what_its_tokenizer_adds(tokenizer: Path, tmp_path: Path) -> None:
    found = read(make_folder(tmp_path / "both", tokenizer, bos=BOS, eos=EOS, **BERT))
    assert (found.bos, found.eos) == (BOS, EOS)
    found = read(make_folder(tmp_path / "none", tokenizer, **BERT))
    assert (found.bos, found.eos) == (None, None)


def test_of_several_added_tokens_the_next_to_the_text_is_taken(
    tokenizer: Path, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer, bos=BOS, eos=EOS, **BERT)
    stored = json.loads((folder / "tokenizer.json").read_text())
    template = stored["post_processor"]
    cls = {"SpecialToken": {"id": "<cls>", "type_id": 0}}
    template["single"] = [cls, *template["single"], cls]
    template["special_tokens"]["<cls>"] = {"id": "<cls>", "ids": [5], "tokens": ["<cls>"]}
    (folder / "tokenizer.json").write_text(json.dumps(stored))
    found = read(folder)
    assert (found.bos, found.eos) == (BOS, EOS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(EOS, EOS), (7, 7), ([7, EOS], EOS), ([7, 8], 7), (50_256, EOS)],
)
def test_a_decoders_eos_is_that_of_its_config(
    tokenizer: Path, tmp_path: Path, given: object, expected: int
) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer)
    change_json(folder / "config.json", eos_token_id=given)
    assert read(folder).eos == expected


def test_a_decoder_trained_without_eos_ends_with_none(tokenizer: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer)
    config = json.loads((folder / "config.json").read_text()) | {"eos_token_id": None}
    (folder / "config.json").write_text(json.dumps(config))
    assert read(folder).eos is None
    change_json(folder / "config.json", eos_token_id=None)  # removed: the tokenizer's
    assert read(folder).eos == EOS


def test_ids_of_the_config_serve_where_the_tokenizer_names_none(
    tokenizer: Path, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer)
    without_roles(folder)
    change_json(folder / "config.json", bos_token_id=8, eos_token_id=9, pad_token_id=None)
    found = read(folder).tokenizer
    assert (found.bos, found.eos, found.pad) == (8, 9, 9)
    change_json(folder / "tokenizer_config.json", eos_token="</s>")
    found = read(folder).tokenizer
    assert (found.bos, found.eos, found.pad) == (None, EOS, EOS)


def test_a_target_begins_with_the_start_token(tokenizer: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer, eos=EOS, **T5)
    assert read(folder).tokenizer.pad == PAD and read(folder).eos == EOS
    change_json(folder / "config.json", decoder_start_token_id=5)
    assert read(folder).tokenizer.pad == 5


def test_the_context_is_the_most_that_a_model_reads(tokenizer: Path, tmp_path: Path) -> None:
    assert read(make_folder(tmp_path / "gpt2", tokenizer, **GPT2)).context == 48
    llama = make_folder(tmp_path / "llama", tokenizer)
    assert read(llama).context == 64
    change_json(llama / "config.json", max_position_embeddings=None)
    assert read(llama).context == 40
    change_json(llama / "tokenizer_config.json", model_max_length=10**30)
    assert read(llama).context == 2_048


def test_a_missing_tokenizer_or_another_one_is_refused(tokenizer: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer)
    change_json(folder / "config.json", vocab_size=599)
    with pytest.raises(InputError, match="its tokenizer has 600 tokens, and by"):
        read(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        read(folder)
