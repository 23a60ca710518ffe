import pytest
import torch

from lmkit.evaluation.tasks.likelihoods.encoder_decoder_likelihood import (
    EncoderDecoderLikelihood,
    SourceFormat,
)
from lmkit.evaluation.tasks.token_spans import TokenSpan
from tests.evaluation.tasks.likelihoods.spans import flat, items, model_of, worst

PAD, EOS, SENTINEL = 0, 2, 4
FORMATS = {
    "t5": SourceFormat(PAD, EOS, SENTINEL, "sentinel"),
    "bart": SourceFormat(PAD, EOS, SENTINEL, "context"),
    "lm-eval": SourceFormat(PAD, EOS, None, "nothing"),
}
T5 = {"architecture": "encoder-decoder", "position": "relative"}


def literal(kind: SourceFormat) -> list[float]:
    """One forward pass for each span."""
    model = model_of(**T5)
    totals: list[float] = []
    for span in flat(items()):
        source, target = torch.tensor([kind.source(span)]), torch.tensor([kind.target(span)])
        with torch.no_grad():
            logits = model(
                target[:, :-1],
                torch.arange(target.shape[1] - 1)[None],
                source_tokens_BS=source,
                source_positions_BS=torch.arange(source.shape[1])[None],
            )[0]
        log_p = logits.double().log_softmax(-1)[range(len(logits)), target[0, 1:].tolist()]
        totals.append(float(log_p[-len(span.targets) :].sum()))
    return totals


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("micro_batch", [1, 7, None])
def test_a_continuation_is_decoded_after_its_source(name: str, micro_batch: int | None) -> None:
    score = EncoderDecoderLikelihood(model_of(**T5), FORMATS[name], micro_batch=micro_batch)
    assert worst(score(items()), literal(FORMATS[name])) < 1e-5


def test_sources_and_targets_have_the_form_of_their_style() -> None:
    span = TokenSpan((7, 8, 20, 21), 2)
    forms = {name: (kind.source(span), kind.target(span)) for name, kind in FORMATS.items()}
    assert forms == {
        "t5": ((7, 8, SENTINEL, EOS), (PAD, SENTINEL, 20, 21)),
        "bart": ((7, 8, SENTINEL, EOS), (PAD, 7, 8, 20, 21)),
        "lm-eval": ((7, 8, EOS), (PAD, 20, 21)),
    }


def test_without_a_context_the_source_is_eos_alone() -> None:
    span = TokenSpan((EOS, 20), 1)
    assert FORMATS["lm-eval"].source(span) == (EOS,)
    assert FORMATS["t5"].source(span) == (SENTINEL, EOS)


def test_without_a_context_lm_eval_s_source_is_bos_alone() -> None:
    bos = 1
    kind = SourceFormat(PAD, EOS, None, "nothing", without_context=bos)
    assert kind.source(TokenSpan((EOS, 20), 1)) == (bos,)
    assert kind.source(TokenSpan((7, 8, 20), 2)) == (7, 8, EOS)
