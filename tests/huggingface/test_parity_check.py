"""An exported model has the same logits; a wrong export is noticed."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmkit.errors import ConfigError, LmkitError
from lmkit.huggingface.parity_check import TOLERANCE, ParityResult, check, need_transformers
from lmkit.huggingface.registry import family_of
from tests.huggingface.models import ONE_OF_EACH, random_model, saved_as_hf


@pytest.mark.parametrize("name", ONE_OF_EACH)
@pytest.mark.parametrize("max_length", [1, 2, 5, 64])
def test_each_family_has_the_same_logits(name: str, max_length: int, tmp_path: Path) -> None:
    model = random_model(**ONE_OF_EACH[name])
    folder = saved_as_hf(model, tmp_path / "hf")
    parity = check(model, folder, family_of(model.config), 0, max_length)
    # The last bits depend on the machine; here it only matters that logits were compared.
    assert parity.difference <= parity.limit
    assert parity.largest > 0
    assert parity.limit == TOLERANCE * max(1, parity.largest)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_one_wrong_weight_is_noticed(name: str, tmp_path: Path) -> None:
    model = random_model(**ONE_OF_EACH[name])
    folder = saved_as_hf(model, tmp_path / "hf")
    weights = load_file(folder / "model.safetensors")
    unread = ("seg_embed", "r_s_bias", "mask_emb", "token_type")
    for weight, tensor in weights.items():
        if tensor.ndim < 2 or any(word in weight for word in unread):
            continue
        wrong = {**weights, weight: tensor + 1e-2 * torch.randn_like(tensor)}
        save_file(wrong, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(LmkitError, match="its logits in Transformers differ by up to"):
            check(model, folder, family_of(model.config), 0, 64)
        break


CHANGED_KEYS: list[tuple[str, str, object]] = [
    ("gpt2", "activation_function", "gelu"),
    ("llama", "rms_norm_eps", 1e-3),
    ("bert", "hidden_act", "gelu_new"),
    ("modernbert", "local_attention", 6),
    ("t5", "relative_attention_max_distance", 32),
    ("xlnet", "ff_activation", "gelu_new"),
    ("qwen3", "rope_parameters", {"rope_type": "default", "rope_theta": 5000.0}),
    ("mistral", "sliding_window", 5),
    ("qwen2", "rope_parameters", {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}),
    ("olmo2", "rms_norm_eps", 1e-2),
    ("gpt_neox", "use_parallel_residual", False),
    ("roberta", "layer_norm_eps", 1e-2),
]


@pytest.mark.parametrize(("name", "key", "value"), CHANGED_KEYS)
def test_a_wrong_configuration_is_noticed(
    name: str, key: str, value: object, tmp_path: Path
) -> None:
    model = random_model(**ONE_OF_EACH[name])
    folder = saved_as_hf(model, tmp_path / "hf")
    hf_config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(hf_config | {key: value}))
    with pytest.raises(LmkitError, match="differ by up to"):
        check(model, folder, family_of(model.config), 0, 64)


def test_nan_is_a_difference(tmp_path: Path) -> None:
    model = random_model(**ONE_OF_EACH["llama"])
    folder = saved_as_hf(model, tmp_path / "hf")
    with torch.no_grad():
        model.norm.weight.fill_(torch.nan)
    with pytest.raises(LmkitError, match="differ by up to nan"):
        check(model, folder, family_of(model.config), 0, 64)


def test_a_weight_that_is_missing_is_noticed(tmp_path: Path) -> None:
    model = random_model(**ONE_OF_EACH["gpt2"])
    folder = saved_as_hf(model, tmp_path / "hf")
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.wpe.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LmkitError, match="wpe"):
        check(model, folder, family_of(model.config), 0, 64)


def test_without_the_library_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ConfigError) as error:
        need_transformers()
    assert error.value.hint == "pip install 'transformers>=5.2,<6'"
    assert ParityResult(1e-5, 0.1).limit == TOLERANCE
