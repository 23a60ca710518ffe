"""Folders that Transformers wrote are read, and corrupt ones refused in a line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import HfCheckpoint, is_hf_folder
from lmkit.huggingface.load import weights_of
from lmkit.huggingface.weight_conversion import hf_weights
from lmkit.model.transformer import Transformer
from tests.huggingface.hf_models import CASES, saved
from tests.huggingface.models import (
    BERT,
    GPT2,
    ONE_OF_EACH,
    check_rows,
    loaded,
    random_model,
    saved_as_hf,
    transformers,
)
from tests.model.tiny import VOCABULARY


def load_model(folder: Path) -> Transformer:
    hf_model = HfCheckpoint.at(folder)
    assert hf_model.vocabulary_size == VOCABULARY
    model = Transformer(hf_model.config, VOCABULARY)
    missing, unexpected = model.load_state_dict(dict(weights_of(hf_model)), strict=False)
    assert not unexpected and set(missing) <= {"query_vector"}
    return model.eval()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_round_trip_preserves_every_bit(name: str, tmp_path: Path) -> None:
    model = random_model(**ONE_OF_EACH[name])
    assert is_hf_folder(saved_as_hf(model, tmp_path / "hf"))
    loaded_weights = dict(weights_of(HfCheckpoint.at(tmp_path / "hf")))
    model_weights = dict(model.named_parameters())
    assert model_weights.keys() - loaded_weights.keys() <= {"query_vector"}
    assert all(tensor.equal(model_weights[name]) for name, tensor in loaded_weights.items())


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_folders_saved_by_transformers(name: str, tmp_path: Path) -> None:
    hf_model = loaded(saved_as_hf(random_model(**ONE_OF_EACH[name]), tmp_path / "one"))
    hf_model.save_pretrained(tmp_path / "two", max_shard_size="20KB")
    assert (tmp_path / "two" / "model.safetensors.index.json").exists()
    check_rows(load_model(tmp_path / "two"), hf_model)


@pytest.mark.parametrize("case", CASES)
def test_models_of_transformers(case: str, tmp_path: Path) -> None:
    hf_model = saved(case, tmp_path / "hf", VOCABULARY)
    model = load_model(tmp_path / "hf")
    check_rows(model, hf_model)
    # And back: every tensor of its file is the same, but for what is added up or ignored.
    weights = load_file(tmp_path / "hf" / "model.safetensors")
    checkpoint = HfCheckpoint.at(tmp_path / "hf")
    family = checkpoint.family
    back = hf_weights(family, checkpoint.config, dict(model.named_parameters()))
    different = {
        name
        for name, tensor in weights.items()
        if not tensor.equal(back[family.renamed.get(name, name)])
    }
    expected = {"BERT": 2, "RoBERTa": 2, "XLNet": 2 * 3}
    assert len(different) == expected.get(case, 0), different
    changed = ("token_type_embeddings", "position_embeddings", "r_s_bias", "seg_embed")
    assert all(any(word in name for word in changed) for name in different)


def test_the_weight_names_of_published_folders(tmp_path: Path) -> None:
    for name, prefix in (("gpt2", "transformer."), ("bert", "bert.")):
        folder = saved_as_hf(random_model(**ONE_OF_EACH[name]), tmp_path / name)
        expected = dict(weights_of(HfCheckpoint.at(folder)))
        weights = load_file(folder / "model.safetensors")
        shorter = {key.removeprefix(prefix): tensor for key, tensor in weights.items()}
        if name == "bert":
            shorter = {
                key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                    "LayerNorm.bias", "LayerNorm.beta"
                ): tensor
                for key, tensor in weights.items()
            }
            shorter["cls.seq_relationship.weight"] = torch.zeros(2, 32)
            shorter["bert.pooler.dense.bias"] = torch.zeros(32)
            shorter["bert.embeddings.position_ids"] = torch.arange(64)[None]
        else:
            shorter["h.0.attn.bias"] = torch.ones(1, 1, 64, 64)
            shorter["lm_head.weight"] = weights["transformer.wte.weight"].clone()
        save_file(shorter, folder / "model.safetensors")
        actual = dict(weights_of(HfCheckpoint.at(folder)))
        assert actual.keys() == expected.keys()
        assert all(actual[key].equal(expected[key]) for key in actual)


def test_half_precision_is_read_into_fp32(tmp_path: Path) -> None:
    hf_model = loaded(saved_as_hf(random_model(**GPT2), tmp_path / "one")).to(torch.bfloat16)
    hf_model.save_pretrained(tmp_path / "two")
    weights = dict(weights_of(HfCheckpoint.at(tmp_path / "two")))
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def change(folder: Path, **tensors: torch.Tensor | None) -> None:
    weights = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        name = name.replace("__", ".")
        if tensor is None:
            del weights[name]
        else:
            weights[name] = tensor
    save_file(weights, folder / "model.safetensors")


def make_sharded(folder: Path, table: dict[str, object]) -> None:
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(table))


def rename_to_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def write_config(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)


CORRUPTIONS: list[tuple[Callable[[Path], None], str]] = [
    (rename_to_pickle, "pytorch_model.bin: a pickle, which can run code"),
    (truncate, "model.safetensors: corrupt"),
    (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
    (lambda f: (f / "model.safetensors").write_bytes(b"x" * 50), "model.safetensors: corrupt"),
    (lambda f: write_config(f, "{"), "config.json: corrupt"),
    (lambda f: write_config(f, "[]"), "config.json: corrupt: not a table"),
    (lambda f: write_config(f, "{}"), "model_type: got None, must be one of"),
    (lambda f: write_config(f, '{"model_type": "gpt2"}'), "vocab_size: got None, must be a number"),
    (lambda f: write_config(f, '{"model_type": "gpt2", "vocab_size": 9}'), "n_embd is missing"),
    (
        lambda f: change(f, transformer__wpe__weight=None),
        "has no transformer.wpe.weight, which a GPT2LMHeadModel has",
    ),
    (
        lambda f: change(f, transformer__wpe__weight=torch.zeros(8, 32)),
        "transformer.wpe.weight has the shape [8, 32], but by config.json it must be [64, 32]",
    ),
    (
        lambda f: change(f, transformer__extra=torch.zeros(1)),
        "has transformer.extra, which lmkit's gpt2 doesn't have",
    ),
    (
        lambda f: change(f, lm_head__weight=torch.zeros(VOCABULARY, 32)),
        "has lm_head.weight, which",
    ),
    (lambda f: make_sharded(f, {}), "model.safetensors.index.json: corrupt: no weight_map"),
    (
        lambda f: make_sharded(f, {"weight_map": {"a": "../../other.safetensors"}}),
        "got '../../other.safetensors', must be the name of a .safetensors file in the same folder",
    ),
    (lambda f: make_sharded(f, {"weight_map": {"a": 1}}), "corrupt: no weight_map"),
    (
        lambda f: make_sharded(f, {"weight_map": {"a": "model-2.safetensors"}}),
        "has no model-2.safetensors, which model.safetensors.index.json lists",
    ),
    (
        lambda f: make_sharded(f, {"weight_map": {"a.b": "model-1.safetensors"}}),
        "has no a.b, which model.safetensors.index.json lists",
    ),
]


@pytest.mark.parametrize(("corrupt", "message"), CORRUPTIONS)
def test_a_corrupt_folder_is_refused_in_a_line(
    corrupt: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = saved_as_hf(random_model(**GPT2), tmp_path / "hf")
    corrupt(folder)
    with pytest.raises(InputError) as error:
        dict(weights_of(HfCheckpoint.at(folder)))
    assert message in error.value.message and "\n" not in error.value.message


def test_a_head_that_is_no_alias_is_not_ignored(tmp_path: Path) -> None:
    folder = saved_as_hf(random_model(**BERT), tmp_path / "hf")
    assert_close = load_file(folder / "model.safetensors")["cls.predictions.bias"]
    change(folder, cls__predictions__decoder__bias=assert_close.clone())
    dict(weights_of(HfCheckpoint.at(folder)))
    change(folder, cls__predictions__decoder__bias=assert_close + 1)
    with pytest.raises(InputError, match=r"cls\.predictions\.decoder\.bias"):
        dict(weights_of(HfCheckpoint.at(folder)))


def test_reading_does_not_need_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved_as_hf(random_model(**GPT2), tmp_path / "hf")
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    assert transformers and dict(weights_of(HfCheckpoint.at(folder)))
    shutil.rmtree(folder)
    assert not is_hf_folder(folder)
