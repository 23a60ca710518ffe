"""Models of every family with random weights, loaded by Transformers."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lmkit.huggingface.family import Facts
from lmkit.huggingface.registry import family_of
from lmkit.huggingface.weight_conversion import hf_weights
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.model.tiny import VOCABULARY, counting, tokens

transformers = pytest.importorskip("transformers")

LENGTHS, TIME = (20, 13), 20
SHAPE: dict[str, object] = {"layers": 3, "hidden_size": 32, "heads": 4, "ffn_size": 80}
GPT2 = {
    "position": "learned",
    "max_positions": 64,
    "activation": "gelu-tanh",
    "norm": "layernorm",
    "biases": True,
}
BERT = {
    "architecture": "encoder",
    "position": "learned",
    "max_positions": 64,
    "activation": "gelu",
    "norm": "layernorm",
    "norm_position": "post",
    "biases": True,
    "norm_eps": 1e-12,
}
MODERNBERT = {
    "architecture": "encoder",
    "activation": "geglu",
    "norm": "layernorm",
    "window": 8,
    "global_every": 2,
    "rotary_base": 160_000.0,
    "local_rotary_base": 10_000.0,
}
T5 = {
    "architecture": "encoder-decoder",
    "position": "relative",
    "norm_eps": 1e-6,
    "activation": "relu",
    "initialization": "t5",
}
XLNET = {
    "architecture": "encoder",
    "position": "transformer-xl",
    "activation": "gelu",
    "norm": "layernorm",
    "norm_position": "post",
    "norm_eps": 1e-12,
    "biases": True,
}
GPT_NEOX = {
    "hidden_size": 64,
    "activation": "gelu",
    "norm": "layernorm",
    "biases": True,
    "parallel_residual": True,
    "rotary_fraction": 0.25,
    "tie_embeddings": False,
}
OLMO2 = {"norm_position": "output", "qk_norm": True, "qk_norm_over": "projection", "kv_heads": 2}
# The id of padding is 0 in these tests.
ROBERTA = {**BERT, "first_position": 1}
T5_1_1 = {**T5, "activation": "geglu-tanh", "tie_embeddings": False, "initialization": "gpt2"}
YARN = {"rotary_scaling": "yarn", "rotary_factor": 4.0, "rotary_original_length": 16}
LLAMA3 = {"rotary_scaling": "llama3", "rotary_factor": 8.0, "rotary_original_length": 16}
ONE_OF_EACH: dict[str, dict[str, object]] = {
    "gpt2": GPT2,
    "llama": {"kv_heads": 2},
    "mistral": {"kv_heads": 2, "window": 6, "tie_embeddings": False},
    "qwen2": {"kv_heads": 2, "attention_biases": "qkv"},
    "olmo2": OLMO2,
    "gpt_neox": GPT_NEOX,
    "roberta": ROBERTA,
    "qwen3": {"kv_heads": 2, "qk_norm": True, "head_dim": 12, "tie_embeddings": False},
    "bert": BERT,
    "modernbert": MODERNBERT,
    "xlnet": XLNET,
    "t5": T5,
}
FACTS = Facts(VOCABULARY, sequence_length=64, pad=0, bos=1, eos=2)


def random_model(**options: object) -> Transformer:
    """Make a model with random weights only, norm weights and biases included."""
    model = Transformer(ModelConfig.model_validate(SHAPE | options), VOCABULARY)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                values = 4 + 0.8 * values
            if name.endswith("query.weight"):  # where scores aren't scaled, as in T5
                values *= model.config.score_scale**-1 * model.config.attention_head_dim**-0.5
            parameter.copy_(0.25 * values)
    return model.eval()


def saved_as_hf(model: Transformer, folder: Path) -> Path:
    """Write a model as its family's folder; without tokenizer."""
    folder.mkdir(parents=True)
    family = family_of(model.config)
    config = json.dumps(family.config_json(model.config, FACTS))
    (folder / "config.json").write_text(config)
    weights = hf_weights(family, model.config, dict(model.named_parameters()))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def loaded(folder: Path) -> Any:
    """Load a folder as a user would; nothing may be missing or left over."""
    auto = family_of_folder(folder).auto
    model, report = getattr(transformers, auto).from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    return model.eval()


def family_of_folder(folder: Path) -> Any:
    from lmkit.huggingface.registry import family_named

    return family_named(json.loads((folder / "config.json").read_text()), "")


def assert_close(model: Tensor, hf_model: Tensor) -> None:
    limit = 2e-5 * max(1.0, hf_model.abs().max().item())
    assert hf_model.std() > 0.2
    assert (model - hf_model).abs().max().item() <= limit


def check_logits(name: str, options: dict[str, object], folder: Path) -> None:
    """Compare a random model with what Transformers loads, as its class of a name."""
    model = random_model(**options)
    hf_model = loaded(saved_as_hf(model, folder))
    assert type(hf_model).__name__ == name
    check_rows(model, hf_model)


@torch.no_grad()
def check_rows(model: Transformer, hf_model: Any) -> None:
    """Compare full sequences, and padded sequences at their text."""
    # Where positions are counted from the id of padding, it isn't in a text.
    tokens_BT = tokens(len(LENGTHS), TIME).clamp(min=model.config.first_position)
    is_text = torch.arange(TIME) < torch.tensor(LENGTHS)[:, None]
    if model.encoder is None:
        positions = counting(tokens_BT)
        assert_close(model(tokens_BT, positions), hf_model(tokens_BT).logits)
        actual = model(tokens_BT, positions, is_text.int())
        assert_close(
            actual[is_text], hf_model(tokens_BT, attention_mask=is_text.long()).logits[is_text]
        )
        return
    # Longer than 128 positions, so that the last bucket is used.
    source_BS, targets_BT = tokens(2, 150), tokens(2, 140, seed=2)
    is_text = torch.arange(150) < torch.tensor([150, 97])[:, None]
    for documents, mask in ((None, None), (is_text.int(), is_text.long())):
        actual = model(
            targets_BT,
            counting(targets_BT),
            source_tokens_BS=source_BS,
            source_positions_BS=counting(source_BS),
            source_documents_BS=documents,
        )
        assert_close(
            actual, hf_model(source_BS, attention_mask=mask, decoder_input_ids=targets_BT).logits
        )
