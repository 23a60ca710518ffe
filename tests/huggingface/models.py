"""Models of every family, with numbers that were drawn, and what Transformers makes of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lmkit.huggingface.family import Facts
from lmkit.huggingface.registry import exported, family_of
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
ONE_OF_EACH: dict[str, dict[str, object]] = {
    "gpt2": GPT2,
    "llama": {"kv_heads": 2},
    "qwen3": {"kv_heads": 2, "qk_norm": True, "head_dim": 12, "tie_embeddings": False},
    "bert": BERT,
    "modernbert": MODERNBERT,
    "xlnet": XLNET,
    "t5": T5,
}
FACTS = Facts(VOCABULARY, sequence_length=64, pad=0, bos=1, eos=2)


def scattered(**options: object) -> Transformer:
    """Make a model whose every number was drawn, gains and biases too."""
    model = Transformer(ModelConfig.model_validate(SHAPE | options), VOCABULARY)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                drawn = 4 + 0.8 * drawn
            if name.endswith("query.weight"):  # where scores aren't divided, as T5 draws it
                drawn *= model.config.score_scale**-1 * model.config.attention_head_dim**-0.5
            parameter.copy_(0.25 * drawn)
    return model.eval()


def written(model: Transformer, folder: Path) -> Path:
    """Write a model as its family's folder; without tokenizer."""
    folder.mkdir(parents=True)
    family = family_of(model.config)
    config = json.dumps(family.config_json(model.config, FACTS))
    (folder / "config.json").write_text(config)
    weights = exported(family, model.config, dict(model.named_parameters()))
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


def same(ours: Tensor, theirs: Tensor) -> None:
    limit = 2e-5 * max(1.0, theirs.abs().max().item())
    assert theirs.std() > 0.2
    assert (ours - theirs).abs().max().item() <= limit


@torch.no_grad()
def check_rows(ours: Transformer, theirs: Any) -> None:
    """Compare whole rows, and rows with padding where there are tokens."""
    tokens_BT = tokens(len(LENGTHS), TIME)
    real = torch.arange(TIME) < torch.tensor(LENGTHS)[:, None]
    if ours.encoder is None:
        places = counting(tokens_BT)
        same(ours(tokens_BT, places), theirs(tokens_BT).logits)
        got = ours(tokens_BT, places, real.int())
        same(got[real], theirs(tokens_BT, attention_mask=real.long()).logits[real])
        return
    # Longer than 128 places, so that the last bucket is met.
    source_BS, targets_BT = tokens(2, 150), tokens(2, 140, seed=2)
    real = torch.arange(150) < torch.tensor([150, 97])[:, None]
    for documents, mask in ((None, None), (real.int(), real.long())):
        got = ours(
            targets_BT,
            counting(targets_BT),
            source_tokens_BS=source_BS,
            source_positions_BS=counting(source_BS),
            source_documents_BS=documents,
        )
        same(got, theirs(source_BS, attention_mask=mask, decoder_input_ids=targets_BT).logits)
