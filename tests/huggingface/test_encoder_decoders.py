"""T5: logits are those of Transformers with the same weights."""

from pathlib import Path

import pytest

from tests.huggingface.models import T5, check_rows, loaded, random_model, saved_as_hf

OPTIONS: list[dict[str, object]] = [
    T5,
    {**T5, "activation": "geglu-tanh", "decoder_layers": 2},
    {**T5, "activation": "geglu", "head_dim": 12},
    {**T5, "initialization": "gpt2", "head_dim": 12, "decoder_layers": 4},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_logits(options: dict[str, object], tmp_path: Path) -> None:
    model = random_model(**options)
    hf_model = loaded(saved_as_hf(model, tmp_path / "hf"))
    assert type(hf_model).__name__ == "T5ForConditionalGeneration"
    check_rows(model, hf_model)
