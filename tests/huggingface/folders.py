"""Transformers folders with a tokenizer, made without Transformers."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from lmkit.huggingface.family import Facts
from lmkit.huggingface.registry import family_of
from lmkit.huggingface.weight_conversion import hf_weights
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.transformers_files import exported

SHAPE: dict[str, object] = {"layers": 2, "hidden_size": 32, "heads": 4, "ffn_size": 64}
GPT2: dict[str, object] = {
    **{"position": "learned", "max_positions": 48, "activation": "gelu-tanh"},
    **{"norm": "layernorm", "biases": True},
}
T5: dict[str, object] = {"architecture": "encoder-decoder", "position": "relative"}
PAD, BOS, EOS = 0, 2, 3


def make_folder(
    folder: Path,
    tokenizer: Path,
    *,
    bos: int | None = None,
    eos: int | None = None,
    more_rows: int = 0,
    **options: object,
) -> Path:
    """Write a model with random weights, whose tokenizer adds these tokens around a text."""
    folder.mkdir()
    config = ModelConfig.model_validate(SHAPE | options)
    size = Tokenizer.load(tokenizer).size + more_rows
    family, facts = family_of(config), Facts(size, 64, PAD, BOS, EOS)
    (folder / "config.json").write_text(json.dumps(family.config_json(config, facts)))
    model = Transformer(config, size, seed=3)
    weights = hf_weights(family, config, dict(model.named_parameters()))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for name, content in exported(tokenizer, bos, eos, 40, config.architecture).items():
        (folder / name).write_bytes(content)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    table = json.loads(path.read_text()) | changes
    table = {key: value for key, value in table.items() if key not in changes or value is not None}
    path.write_text(json.dumps(table))
