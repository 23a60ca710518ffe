from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lmkit.errors import ConfigError, InputError
from lmkit.evaluation import text_embeddings
from lmkit.evaluation.text_embeddings import embed_texts
from lmkit.objectives.objective import Packing
from lmkit.training.checkpoints.trained_model import TrainedModel, open_run
from tests.conftest import prose

Runs = Callable[[str], Path]


def embedded(trained: TrainedModel, texts: list[str], pooling: str = "mean") -> torch.Tensor:
    made = trained.description
    return embed_texts(
        trained.model,
        trained.tokenizer,
        made.packing,
        made.longest,
        texts,
        pooling,  # type: ignore[arg-type]
    )


def opened(run: Path) -> TrainedModel:
    return open_run(run, torch.device("cpu"))


@pytest.mark.parametrize("family", ["llama", "bert", "modernbert", "t5"])
@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_a_vector_depends_on_its_text_alone(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, family: str, pooling: str
) -> None:
    trained = opened(runs(family))
    texts = [*prose(3, words=12), "A word.", "and"]
    together = embedded(trained, texts, pooling)
    monkeypatch.setattr(text_embeddings, "MICRO_BATCH_TOKENS", 1)
    torch.testing.assert_close(embedded(trained, texts, pooling), together, atol=1e-5, rtol=1e-4)
    assert together.shape == (5, 32) and together.dtype == torch.float32


def test_a_text_that_is_too_long_is_cut_and_reported(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = opened(runs("bert"))
    ids = trained.tokenizer.encode("class " * 300).tolist()[:62]
    found = embedded(trained, ["class " * 300, "a"])[0]
    assert "1 of 2 texts are longer than 64 tokens: they are cut" in capsys.readouterr().err
    with torch.no_grad():
        tokens_BT = torch.tensor([[2, *ids, 3]])
        states_BTD = trained.model.features(tokens_BT, torch.arange(64)[None])
    torch.testing.assert_close(found, states_BTD[0].mean(0), atol=1e-5, rtol=1e-4)


def test_a_first_token_must_be_there_and_a_text_must_have_tokens(runs: Runs) -> None:
    trained = opened(runs("t5"))
    with pytest.raises(ConfigError, match="pooling: got 'cls', and the model's texts begin with"):
        embedded(trained, ["a"], "cls")
    bare, made = Packing(64, None, None), opened(runs("llama"))
    with pytest.raises(InputError, match=r"texts\[1\]: has no tokens"):
        embed_texts(made.model, made.tokenizer, bare, 64, ["a", ""], "mean")
    assert embedded(made, []).shape == (0, 32)
