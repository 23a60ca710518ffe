import math

import numpy as np
import pytest
import torch

from lmkit.evaluation.tasks.likelihoods.decoder_likelihood import DecoderLikelihood
from lmkit.evaluation.tasks.likelihoods.target_likelihood import SpanLikelihood
from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer

VOCABULARY = 50


def decoder(**options: object) -> Transformer:
    values = {"layers": 2, "hidden_size": 32, "heads": 4, "ffn_size": 64} | options
    model = Transformer(ModelConfig.model_validate(values), VOCABULARY, seed=1)
    for parameter in model.parameters():  # so that predictions differ
        parameter.data.mul_(4)
    return model


def items(count: int = 12) -> list[list[list[TokenSpan]]]:
    """Questions with several answers, of different lengths, some of one token."""
    rng = np.random.default_rng(0)
    groups: list[list[list[TokenSpan]]] = []
    for number in range(count):
        context = [1, *rng.integers(2, VOCABULARY, 3 + number).tolist()]
        answers = [rng.integers(2, VOCABULARY, n).tolist() for n in (1, 1, 2, 4)]
        groups.append([[TokenSpan((*context, *a), len(context))] for a in answers])
    return groups


def one_by_one(model: Transformer, groups: list[list[list[TokenSpan]]]) -> list[SpanLikelihood]:
    """Each span in a forward pass of its own, as a textbook would compute it."""
    found: list[SpanLikelihood] = []
    for span in (span for item in groups for spans in item for span in spans):
        read = torch.tensor([span.tokens[:-1]])
        with torch.no_grad():
            logits = model(read, torch.arange(read.shape[1])[None])[0, span.first_target - 1 :]
        p = logits.double().log_softmax(-1)[range(len(span.targets)), list(span.targets)]
        greedy = logits.argmax(-1).tolist() == list(span.targets)
        found.append(SpanLikelihood(float(p.sum()), greedy))
    return found


def same(found: list[SpanLikelihood], expected: list[SpanLikelihood]) -> bool:
    likelihoods = [each.log_likelihood for each in expected]
    return [each.log_likelihood for each in found] == pytest.approx(likelihoods, rel=1e-5) and [
        each.is_greedy for each in found
    ] == [each.is_greedy for each in expected]


@pytest.mark.parametrize(
    "options",
    [
        {"position": "rotary"},
        {"position": "learned", "max_positions": 32},
        {"position": "sinusoidal"},
        {"position": "none"},
        {"position": "alibi"},
        {"position": "relative"},
        {"position": "rotary", "window": 4, "global_every": 2},
        {"position": "rotary", "tie_embeddings": False, "kv_heads": 2},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_likelihoods_are_those_of_one_forward_pass_for_each_option(
    options: dict[str, object],
) -> None:
    model = decoder(**options)
    assert same(DecoderLikelihood(model)(items()), one_by_one(model, items()))


@pytest.mark.parametrize("micro_batch", [1, 7, None])
def test_the_micro_batch_changes_no_result(micro_batch: int | None) -> None:
    model = decoder()
    assert same(
        DecoderLikelihood(model, micro_batch=micro_batch)(items()),
        one_by_one(model, items()),
    )


def test_the_most_likely_token_is_greedy() -> None:
    model = decoder()
    with torch.no_grad():
        best = int(model(torch.tensor([[1, 5]]), torch.arange(2)[None])[0, -1].argmax())
    other = best - 1 if best else 1
    spans = [[[TokenSpan((1, 5, best), 2)], [TokenSpan((1, 5, other), 2)]]]
    assert [each.is_greedy for each in DecoderLikelihood(model)(spans)] == [True, False]


def test_without_weights_every_token_is_equally_likely() -> None:
    model = decoder()
    for parameter in model.parameters():
        parameter.data.zero_()
    found = DecoderLikelihood(model)(items())
    lengths = [1, 1, 2, 4] * 12
    expected = [-n * math.log(VOCABULARY) for n in lengths]
    assert [each.log_likelihood for each in found] == pytest.approx(expected, rel=1e-6)
    # Equal numbers of tokens tie exactly.
    assert len({each.log_likelihood for each in found}) == 3


def test_the_model_keeps_its_mode_and_bf16_is_close() -> None:
    model = decoder().train()
    exact = DecoderLikelihood(model)(items())
    rounded = DecoderLikelihood(model, "bf16")(items())
    assert model.training
    for one, other in zip(exact, rounded, strict=True):
        assert other.log_likelihood == pytest.approx(one.log_likelihood, rel=0.1)
