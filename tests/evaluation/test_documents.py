import json
import math
from pathlib import Path

import pytest
import torch

from lmkit.commands.eval.options import EvalConfig
from lmkit.commands.eval.run import evaluate
from lmkit.training.checkpoints.trained_model import open_run
from tests.conftest import prose


def documents(path: str, texts: list[str]) -> Path:
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts))
    Path(path).write_text("\n".join(lines))
    return Path(path)


def literal_score(run: Path, texts: list[str]) -> tuple[float, int, int]:
    """Nats, tokens and bytes of texts, each read from its beginning in separate windows."""
    trained = open_run(run, torch.device("cpu"))
    bos, eos = trained.description.bos, trained.description.eos
    length = trained.description.sequence_length
    assert bos is not None and eos is not None
    nats, tokens = 0.0, 0
    for text in texts:
        ids = [bos, *trained.tokenizer.encode(text).tolist(), eos]
        for start in range(0, len(ids) - 1, length):
            window = ids[start : start + length]
            following = ids[start + 1 : start + length + 1]
            with torch.no_grad():
                logits = trained.model(torch.tensor([window]), torch.arange(len(window))[None])
            chosen = logits[0].double().log_softmax(-1)[range(len(following)), following]
            nats -= float(chosen.sum())
            tokens += len(following)
    return nats, tokens, sum(len(text.encode()) for text in texts)


def test_a_score_is_the_sum_over_windows_computed_separately(trained: Path, here: Path) -> None:
    texts = [*prose(4, words=60), "é", "short"]
    data = documents("data.jsonl", texts)
    scores = evaluate(EvalConfig(run=trained, data=(data,)))
    nats, tokens, size = literal_score(trained, texts)
    assert (scores.text.tokens, scores.text.bytes) == (tokens, size)
    assert scores.text.loss == pytest.approx(nats / tokens, rel=1e-6)
    assert scores.text.perplexity == pytest.approx(math.exp(nats / tokens), rel=1e-6)
    assert scores.text.bits_per_byte == pytest.approx(nats / math.log(2) / size, rel=1e-6)


def test_neither_order_nor_micro_batch_changes_a_score(trained: Path, here: Path) -> None:
    texts = prose(9, words=40)
    one = evaluate(EvalConfig(run=trained, data=(documents("a.jsonl", texts),), micro_batch=1))
    two = evaluate(
        EvalConfig(run=trained, data=(documents("b.jsonl", texts[::-1]),), micro_batch=7)
    )
    assert one.text.loss == pytest.approx(two.text.loss, rel=1e-6)
    assert (one.text.tokens, one.text.bytes) == (two.text.tokens, two.text.bytes)
