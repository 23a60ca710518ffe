"""Folders that Transformers wrote are read, and damaged ones refused in a line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmkit.errors import InputError
from lmkit.huggingface.load import HfCheckpoint, is_hf_folder
from lmkit.model.transformer import Transformer
from tests.huggingface.models import (
    BERT,
    GPT2,
    ONE_OF_EACH,
    check_rows,
    loaded,
    scattered,
    transformers,
    written,
)
from tests.model.tiny import VOCABULARY


def read(folder: Path) -> Transformer:
    theirs = HfCheckpoint.at(folder)
    assert theirs.vocabulary_size == VOCABULARY
    model = Transformer(theirs.config, VOCABULARY)
    missing, unexpected = model.load_state_dict(theirs.weights(), strict=False)
    assert not unexpected and set(missing) <= {"query_vector"}
    return model.eval()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_weights_come_back_to_the_bit(name: str, tmp_path: Path) -> None:
    ours = scattered(**ONE_OF_EACH[name])
    assert is_hf_folder(written(ours, tmp_path / "hf"))
    back = HfCheckpoint.at(tmp_path / "hf").weights()
    own = dict(ours.named_parameters())
    assert own.keys() - back.keys() <= {"query_vector"}
    assert all(tensor.equal(own[name]) for name, tensor in back.items())


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_what_transformers_saved_itself(name: str, tmp_path: Path) -> None:
    theirs = loaded(written(scattered(**ONE_OF_EACH[name]), tmp_path / "one"))
    theirs.save_pretrained(tmp_path / "two", max_shard_size="20KB")
    assert (tmp_path / "two" / "model.safetensors.index.json").exists()
    check_rows(read(tmp_path / "two"), theirs)


def test_the_spellings_of_published_folders(tmp_path: Path) -> None:
    for name, prefix in (("gpt2", "transformer."), ("bert", "bert.")):
        folder = written(scattered(**ONE_OF_EACH[name]), tmp_path / name)
        expected = HfCheckpoint.at(folder).weights()
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
        got = HfCheckpoint.at(folder).weights()
        assert got.keys() == expected.keys()
        assert all(got[key].equal(expected[key]) for key in got)


def test_half_precision_is_read_into_fp32(tmp_path: Path) -> None:
    theirs = loaded(written(scattered(**GPT2), tmp_path / "one")).to(torch.bfloat16)
    theirs.save_pretrained(tmp_path / "two")
    weights = HfCheckpoint.at(tmp_path / "two").weights()
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


def sharded(folder: Path, table: dict[str, object]) -> None:
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(table))


def as_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def say(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (as_pickle, "pytorch_model.bin: a pickle, which can run code"),
    (cut_short, "model.safetensors: damaged"),
    (lambda f: (f / "model.safetensors").unlink(), "holds no model.safetensors"),
    (lambda f: (f / "model.safetensors").write_bytes(b"x" * 50), "model.safetensors: damaged"),
    (lambda f: say(f, "{"), "config.json: damaged"),
    (lambda f: say(f, "[]"), "config.json: damaged: not a table"),
    (lambda f: say(f, "{}"), "model_type: got None, must be one of"),
    (lambda f: say(f, '{"model_type": "gpt2"}'), "vocab_size: got None, must be a number"),
    (lambda f: say(f, '{"model_type": "gpt2", "vocab_size": 9}'), "n_embd is missing"),
    (
        lambda f: change(f, transformer__wpe__weight=None),
        "missing_special_tokens_of transformer.wpe.weight, which a GPT2LMHeadModel has",
    ),
    (
        lambda f: change(f, transformer__wpe__weight=torch.zeros(8, 32)),
        "transformer.wpe.weight has the shape [8, 32], and config.json wants [64, 32]",
    ),
    (
        lambda f: change(f, transformer__extra=torch.zeros(1)),
        "holds transformer.extra, for which lmkit's gpt2 has no place",
    ),
    (
        lambda f: change(f, lm_head__weight=torch.zeros(VOCABULARY, 32)),
        "holds lm_head.weight, for which",
    ),
    (lambda f: sharded(f, {}), "model.safetensors.index.json: damaged: no weight_map"),
    (
        lambda f: sharded(f, {"weight_map": {"a": "../../other.safetensors"}}),
        "got '../../other.safetensors', must be the name of a .safetensors file beside it",
    ),
    (lambda f: sharded(f, {"weight_map": {"a": 1}}), "damaged: no weight_map"),
    (
        lambda f: sharded(f, {"weight_map": {"a": "model-2.safetensors"}}),
        "lacks model-2.safetensors, which model.safetensors.index.json lists",
    ),
    (
        lambda f: sharded(f, {"weight_map": {"a.b": "model-1.safetensors"}}),
        "missing_special_tokens_of a.b, which model.safetensors.index.json lists",
    ),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_folder_is_refused_in_a_line(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = written(scattered(**GPT2), tmp_path / "hf")
    damage(folder)
    with pytest.raises(InputError) as error:
        HfCheckpoint.at(folder).weights()
    assert message in error.value.message and "\n" not in error.value.message


def test_a_head_that_is_no_alias_is_not_passed_over(tmp_path: Path) -> None:
    folder = written(scattered(**BERT), tmp_path / "hf")
    same = load_file(folder / "model.safetensors")["cls.predictions.bias"]
    change(folder, cls__predictions__decoder__bias=same.clone())
    HfCheckpoint.at(folder).weights()
    change(folder, cls__predictions__decoder__bias=same + 1)
    with pytest.raises(InputError, match=r"cls\.predictions\.decoder\.bias"):
        HfCheckpoint.at(folder).weights()


def test_the_library_is_not_needed_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(scattered(**GPT2), tmp_path / "hf")
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    assert transformers and HfCheckpoint.at(folder).weights()
    shutil.rmtree(folder)
    assert not is_hf_folder(folder)
