from pathlib import Path

import pytest
import torch

from lmkit.evaluation import token_scores
from lmkit.evaluation.documents import Scorer
from lmkit.evaluation.token_scores import ScoredText, score_texts
from lmkit.training.checkpoints.trained_model import open_run


def scorer_of(run: Path) -> Scorer:
    trained = open_run(run, torch.device("cpu"))
    made = trained.description
    return Scorer(trained.model, trained.tokenizer, made.learned, made.packing)


def test_each_token_has_its_log_probability_given_those_before_it(trained: Path) -> None:
    scorer = scorer_of(trained)
    (scored,) = score_texts(scorer, ["The class of objects"])
    ids = [2, *scorer.tokenizer.encode("The class of objects").tolist(), 3]
    assert list(scored.token_ids) == ids[1:] and scored.tokens[-1] == "</s>"
    with torch.no_grad():
        logits_TV = scorer.model(torch.tensor([ids]), torch.arange(len(ids))[None])[0]
    expected = logits_TV.log_softmax(-1)[torch.arange(len(ids) - 1), ids[1:]]
    assert list(scored.log_probabilities) == pytest.approx(expected.tolist(), abs=1e-4)
    assert scored.log_probability == pytest.approx(float(expected.sum()), rel=1e-5)
    assert scored.bits_per_byte == pytest.approx(-float(expected.sum()) / 0.6931472 / 20, rel=1e-4)


def test_the_number_of_sequences_at_a_time_changes_nothing(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer, texts = scorer_of(trained), ["word " * 100, "", "A text.", "Another one of words."]
    together = score_texts(scorer, texts)
    monkeypatch.setattr(token_scores, "LOGITS", 1)
    alone = score_texts(scorer, texts)
    for one, other in zip(together, alone, strict=True):
        assert (one.text, one.token_ids, one.bytes) == (other.text, other.token_ids, other.bytes)
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-4)
    assert len(together[0].tokens) > 90 and score_texts(scorer, []) == []


def test_a_score_is_shown_in_a_few_lines() -> None:
    scored = ScoredText("a\n" * 100, ("a", "b"), (5, 6), (-1.0, -1.0), 4)
    lines = repr(scored).splitlines()
    assert len(lines) == 4 and len(lines[0]) < 150
    assert "2.72" in lines[2] and "0.7213" in lines[3]
    assert "bits" not in repr(ScoredText("a", ("a",), (5,), (-1.0,), 0))
