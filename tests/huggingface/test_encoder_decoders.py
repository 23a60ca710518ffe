"""T5: logits are those of Transformers with the same weights."""

from pathlib import Path

import pytest

from lmkit.huggingface.checkpoint import HfCheckpoint
from lmkit.huggingface.load import weights_of
from lmkit.model.transformer import Transformer
from tests.huggingface.hf_models import saved
from tests.huggingface.models import T5, T5_1_1, check_rows, loaded, random_model, saved_as_hf
from tests.model.tiny import VOCABULARY

OPTIONS: list[dict[str, object]] = [
    T5,
    {**T5, "activation": "geglu-tanh", "decoder_layers": 2},
    {**T5, "activation": "geglu", "head_dim": 12},
    {**T5, "initialization": "gpt2", "head_dim": 12, "decoder_layers": 4},
    T5_1_1,
    {**T5_1_1, "initialization": "t5"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_logits(options: dict[str, object], tmp_path: Path) -> None:
    model = random_model(**options)
    hf_model = loaded(saved_as_hf(model, tmp_path / "hf"))
    assert type(hf_model).__name__ == "T5ForConditionalGeneration"
    check_rows(model, hf_model)


def test_the_output_matrix_in_the_files_decides_whether_t5_is_tied(tmp_path: Path) -> None:
    # config.json has tie_word_embeddings false or, saved by Transformers 5, true in both.
    hf_model = saved("T5 1.1", tmp_path / "untied", VOCABULARY)
    checkpoint = HfCheckpoint.at(tmp_path / "untied")
    assert not checkpoint.config.tie_embeddings and checkpoint.config.output_scale == 1
    model = Transformer(checkpoint.config, VOCABULARY)
    model.load_state_dict(dict(weights_of(checkpoint)))
    check_rows(model.eval(), hf_model)
    tied = saved_as_hf(random_model(**{**T5_1_1, "tie_embeddings": True}), tmp_path / "tied")
    assert HfCheckpoint.at(tied).config.tie_embeddings
