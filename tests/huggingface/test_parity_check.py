"""What was exported agrees; what was exported wrongly is noticed."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmkit.errors import ConfigError, LmkitError
from lmkit.huggingface.parity_check import TOLERANCE, Agreement, check, need_transformers
from lmkit.huggingface.registry import family_of
from tests.huggingface.models import ONE_OF_EACH, scattered, written


@pytest.mark.parametrize("name", ONE_OF_EACH)
@pytest.mark.parametrize("longest", [1, 2, 5, 64])
def test_each_family_agrees_with_itself(name: str, longest: int, tmp_path: Path) -> None:
    ours = scattered(**ONE_OF_EACH[name])
    folder = written(ours, tmp_path / "hf")
    agreement = check(ours, folder, family_of(ours.config), 0, longest)
    # Whether the last bit differs is the machine's affair; that logits were compared is ours.
    assert agreement.difference <= agreement.limit
    assert agreement.largest > 0
    assert agreement.limit == TOLERANCE * max(1, agreement.largest)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_one_weight_that_is_off_is_noticed(name: str, tmp_path: Path) -> None:
    ours = scattered(**ONE_OF_EACH[name])
    folder = written(ours, tmp_path / "hf")
    weights = load_file(folder / "model.safetensors")
    unread = ("seg_embed", "r_s_bias", "mask_emb", "token_type")
    for at, tensor in weights.items():
        if tensor.ndim < 2 or any(word in at for word in unread):
            continue
        wrong = {**weights, at: tensor + 1e-2 * torch.randn_like(tensor)}
        save_file(wrong, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(LmkitError, match="its logits in Transformers differ by up to"):
            check(ours, folder, family_of(ours.config), 0, 64)
        break


SAID: list[tuple[str, str, object]] = [
    ("gpt2", "activation_function", "gelu"),
    ("llama", "rms_norm_eps", 1e-3),
    ("bert", "hidden_act", "gelu_new"),
    ("modernbert", "local_attention", 6),
    ("t5", "relative_attention_max_distance", 32),
    ("xlnet", "ff_activation", "gelu_new"),
    ("qwen3", "rope_parameters", {"rope_type": "default", "rope_theta": 5000.0}),
]


@pytest.mark.parametrize(("name", "key", "value"), SAID)
def test_a_configuration_that_is_off_is_noticed(
    name: str, key: str, value: object, tmp_path: Path
) -> None:
    ours = scattered(**ONE_OF_EACH[name])
    folder = written(ours, tmp_path / "hf")
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(said | {key: value}))
    with pytest.raises(LmkitError, match="differ by up to"):
        check(ours, folder, family_of(ours.config), 0, 64)


def test_not_a_number_is_no_agreement(tmp_path: Path) -> None:
    ours = scattered(**ONE_OF_EACH["llama"])
    folder = written(ours, tmp_path / "hf")
    with torch.no_grad():
        ours.norm.weight.fill_(torch.nan)
    with pytest.raises(LmkitError, match="differ by up to nan"):
        check(ours, folder, family_of(ours.config), 0, 64)


def test_a_weight_that_is_missing_is_noticed(tmp_path: Path) -> None:
    ours = scattered(**ONE_OF_EACH["gpt2"])
    folder = written(ours, tmp_path / "hf")
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.wpe.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LmkitError, match="wpe"):
        check(ours, folder, family_of(ours.config), 0, 64)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ConfigError) as error:
        need_transformers()
    assert error.value.hint == 'pip install "lmkit[transformers]"'
    assert Agreement(1e-5, 0.1).limit == TOLERANCE
