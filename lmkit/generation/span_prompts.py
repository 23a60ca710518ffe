"""Predicting the masked spans of a prompt with an encoder-decoder, or restoring the whole text.

    source  prompt EOS; a sentinel for each masked span (t5), or the mask (bart)
    target  pad <extra_id_0> ... <extra_id_1> ... EOS (t5), or pad text EOS

Choices:
- Only text is sampled, and the special tokens that the format requires next: T5's sentinels come in
  order, each once, and EOS after the last. A span that was never reached keeps its mask in the
  text.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from lmkit.errors import ConfigError
from lmkit.generation.generated import FinishReason, Generated, Piece, Span
from lmkit.generation.prompt_model import DEFAULT_MAX_TOKENS, PromptModel, as_list
from lmkit.generation.sampling import SampledToken
from lmkit.generation.sequence_batch import AllowedNext, sample_tokens
from lmkit.generation.templates import Template, mask_text
from lmkit.model.eval_mode import eval_mode
from lmkit.model.transformer import Source
from lmkit.objectives.prompt_formats import MaskedSpans
from lmkit.tokenizers.special_tokens import sentinel


@dataclass(frozen=True)
class SpanPrompt:
    """The source of a prompt with masked spans."""

    template: Template
    placeholders: tuple[str, ...]
    """The mask of each span, as it was typed."""
    source_ids: tuple[int, ...]
    max_tokens: int


def span_prompt(
    of: PromptModel, prompt: str, max_tokens: int | None, spans: MaskedSpans
) -> SpanPrompt:
    """Split a prompt at its masks. Raises ConfigError if there are none, or too many."""
    style, mask = spans.style, mask_text(of.tokenizer)
    parts, sentinels = prompt.split(mask), of.tokenizer.sentinels
    numbered = [int(n) for n in re.findall(r"<extra_id_(\d+)>", prompt)]
    placeholders = [mask] * (len(parts) - 1)
    if style == "t5" and numbered and len(parts) == 1:
        if numbered != list(range(len(numbered))):
            raise ConfigError(
                f"--prompt: got {', '.join(map(sentinel, numbered))}, must be <extra_id_0>, "
                "<extra_id_1>, ... in this order, each once"
            )
        parts = re.split(r"<extra_id_\d+>", prompt)
        placeholders = [sentinel(number) for number in numbered]
    template = of.template(prompt, parts, mask)
    count = len(template.has_space_before)
    if style == "t5" and count > len(sentinels):
        raise ConfigError(
            f"--prompt: got {count:,} masks, and the tokenizer has {len(sentinels):,} sentinels"
        )
    ids: list[int] = []
    for number, part in enumerate(template.parts):
        if number:
            ids += [sentinels[number - 1]] if style == "t5" else as_list(of.tokenizer.mask)
        ids += of.tokenizer.encode(part).tolist()
    ids += as_list(of.tokenizer.eos)
    of.refuse_longer(ids, spans.source_length)
    default = DEFAULT_MAX_TOKENS + (len(ids) if style == "bart" else 0)
    limit = of.max_tokens(max_tokens, default, spans.target_length)
    return SpanPrompt(template, tuple(placeholders), tuple(ids), limit)


def predict_spans(of: PromptModel, prompt: SpanPrompt, seed: int) -> Generated:
    """Let a T5 predict the masked spans."""
    template, count = prompt.template, len(prompt.placeholders)
    eos, sentinels = of.tokenizer.eos, of.tokenizer.sentinels[:count]
    assert eos is not None, "pretrain requires it"
    allowed_next = _allowed_after(of, template, sentinels, eos)
    sampled_tokens = _sampled(of, prompt, allowed_next, seed)
    spans, reason = _split_spans(of, sampled_tokens, template, sentinels, eos)
    texts = [span.text for span in spans]
    unfilled = [
        " " * template.has_space_before[number] + prompt.placeholders[number]
        for number in range(len(texts), count)
    ]
    return Generated("spans", template.filled([*texts, *unfilled]), reason, tuple(spans))


def restore_text(of: PromptModel, prompt: SpanPrompt, seed: int) -> Generated:
    """Let a BART restore the whole text."""
    eos = of.tokenizer.eos
    allowed_V = of.text_or(eos)
    pieces, ids, probability = list[Piece](), list[int](), 1.0
    reason: FinishReason = "length"
    for sampled in _sampled(of, prompt, lambda _: allowed_V, seed):
        probability *= sampled.probability
        if sampled.token == eos:
            reason = "eos"
            break
        pieces.append(of.piece(sampled.token, sampled.probability))
        ids.append(sampled.token)
    restored = Span(of.surface_forms.text(ids), probability, tuple(pieces))
    includes_space = of.surface_forms.tokens_include_space
    text = restored.text.removeprefix(" ") if includes_space else restored.text
    return Generated("whole", text, reason, (restored,))


def _sampled(
    of: PromptModel, prompt: SpanPrompt, allowed_next: AllowedNext, seed: int
) -> Iterable[SampledToken]:
    """Sample the target of a source, which begins with padding."""
    pad = of.tokenizer.pad
    assert pad is not None, "pretrain requires it"
    return islice(
        sample_tokens(
            of.model, [pad], allowed_next, of.sampling, seed=seed, source=_source(of, prompt)
        ),
        prompt.max_tokens,
    )


def _source(of: PromptModel, prompt: SpanPrompt) -> Source:
    ids_BS = torch.tensor([prompt.source_ids], device=of.device)
    positions_BS = torch.arange(len(prompt.source_ids), device=of.device)[None]
    with eval_mode(of.model):
        return of.model.encode(ids_BS, positions_BS)


def _allowed_after(
    of: PromptModel, template: Template, sentinels: Sequence[int], eos: int
) -> AllowedNext:
    """Let sentinels come in order, text after each, and EOS after the last."""
    text_V = of.allowed(of.surface_forms.is_text_V)
    may_begin = [of.allowed(of.surface_forms.may_begin(template, n)) for n in range(len(sentinels))]
    none_V = torch.zeros_like(text_V)

    def allowed_next(generated: Sequence[int]) -> Tensor:
        begun = sum(token in sentinels for token in generated)
        if not begun:
            allowed_V = none_V.clone()
        else:
            allowed_V = (
                may_begin[begun - 1] if generated[-1] == sentinels[begun - 1] else text_V
            ).clone()
        allowed_V[sentinels[begun] if begun < len(sentinels) else eos] = True
        return allowed_V

    return allowed_next


def _split_spans(
    of: PromptModel,
    sampled_tokens: Iterable[SampledToken],
    template: Template,
    sentinels: Sequence[int],
    eos: int,
) -> tuple[list[Span], FinishReason]:
    """Split what was generated at the sentinels."""
    parts: list[tuple[list[Piece], list[int], float]] = []
    reason: FinishReason = "length"
    for sampled in sampled_tokens:
        if parts:
            parts[-1] = (*parts[-1][:2], parts[-1][2] * sampled.probability)
        if sampled.token == eos:
            reason = "eos"
            break
        if sampled.token in sentinels:
            parts.append(([], [], 1.0))
        else:
            parts[-1][0].append(of.piece(sampled.token, sampled.probability))
            parts[-1][1].append(sampled.token)
    spans = [
        Span(of.surface_forms.text(ids, space=template.has_space_before[number]), p, tuple(pieces))
        for number, (pieces, ids, p) in enumerate(parts)
    ]
    return spans, reason
