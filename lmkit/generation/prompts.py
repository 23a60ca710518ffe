"""What a trained model generates for a prompt, in the format of its objective.

    clm               BOS prompt ...
    clm with fim      BOS <fim_prefix> prompt <fim_suffix> suffix <fim_middle> ... EOS
    mlm, plm          BOS prompt EOS, each mask of it filled
    span-corruption   source  prompt EOS; a sentinel for each masked span (t5), or the mask (bart)
                      target  pad <extra_id_0> ... <extra_id_1> ... EOS (t5), or pad text EOS

Choices:
- Only text is sampled, and the special tokens that the format requires next: T5's sentinels come in
  order, each once, and EOS after the last. A span that was never reached keeps its mask in the
  text.
- The objective describes the format (`objectives.prompt_formats`): this file knows no objective.
- Where positions are learned, nothing is read or generated beyond the trained positions.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor

from lmkit.errors import ConfigError
from lmkit.generation.mask_filling import fill
from lmkit.generation.sampling import AllowedNext, Sampling, sample_tokens
from lmkit.generation.templates import SurfaceForms, Template, mask_text
from lmkit.model.transformer import Source, Transformer
from lmkit.objectives.objective import Objective, Packing
from lmkit.objectives.prompt_formats import Continuation, MaskedSpans, Masks
from lmkit.tokenizers.special_tokens import FILL_IN_THE_MIDDLE, sentinel
from lmkit.tokenizers.tokenizer import Tokenizer

Kind = Literal["continuation", "middle", "masks", "spans", "whole"]
DEFAULT_MAX_TOKENS = 200
ALTERNATIVES = 5


@dataclass(frozen=True)
class Piece:
    """A token, as it is in the vocabulary, and its probability when it was sampled."""

    token: str
    probability: float


@dataclass(frozen=True)
class Span:
    """One span that the model generated."""

    text: str
    probability: float
    """The product over its pieces, and over the token that ended it."""
    pieces: tuple[Piece, ...]
    alternatives: tuple[Piece, ...] = ()
    """The most likely tokens at a mask, when it was filled."""


@dataclass(frozen=True)
class Generated:
    """A text, and the parts of it that the model generated."""

    kind: Kind
    text: str
    ended: bool
    spans: tuple[Span, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the values for --json."""
        return asdict(self)


class PromptRunner:
    """A run's model that generates for prompts; an error reports what is missing in a prompt."""

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer,
        objective: Objective[Any],
        packing: Packing,
        sampling: Sampling,
    ) -> None:
        self._model, self._tokenizer, self._sampling = model, tokenizer, sampling
        self._objective, self._packing = objective.name, packing
        self._format = objective.prompt_format(packing)
        self._surface_forms = SurfaceForms(tokenizer)
        self._has_learned_positions = model.config.longest is not None

    def write(self, prompt: str, suffix: str, max_tokens: int | None, seed: int) -> Generated:
        """Generate one text."""
        if suffix and not (isinstance(self._format, Continuation) and self._format.middle):
            is_decoder = isinstance(self._format, Continuation)
            why = "--fim.rate 0" if is_decoder else f"--objective {self._objective}"
            raise ConfigError(
                f"--suffix: the run was trained with {why}, so it can't generate a middle",
                "leave it out, or train a decoder with --fim.rate 0.5",
            )
        match self._format:
            case Continuation(middle) if suffix:
                return self._infill(prompt, suffix, max_tokens, seed, spm=middle == "spm")
            case Continuation():
                return self._continue_prompt(prompt, max_tokens, seed)
            case Masks(two_streams):
                self._refuse_max_tokens(max_tokens)
                return self._fill(prompt, seed, two_streams=two_streams)
            case MaskedSpans() as spans:
                return self._fill_spans(prompt, max_tokens, seed, spans)
            case None:
                raise ConfigError(
                    f"RUN: a run with --objective {self._objective} has learned no format of a "
                    "prompt, so it can't generate",
                    "lmkit eval measures it, and lmkit export writes it for others to fine-tune",
                )

    def _refuse_max_tokens(self, max_tokens: int | None) -> None:
        if max_tokens is not None:
            raise ConfigError(
                f"--max-tokens: got {max_tokens}, but a run with --objective {self._objective} "
                "generates one token for each mask of the prompt",
                "leave it out",
            )

    def _continue_prompt(self, prompt: str, max_tokens: int | None, seed: int) -> Generated:
        ids = [*_as_list(self._packing.bos), *self._tokenizer.encode(prompt).tolist()]
        if not ids:
            raise ConfigError(
                "--prompt: got nothing, and the run was packed without a BOS token",
                "give a text to continue",
            )
        span, ended = self._generate_until_eos(ids, max_tokens, seed)
        # Decoded together: a character may begin in the prompt.
        return Generated(
            "continuation", self._tokenizer.decode([*ids, *span[1]]), ended, (span[0],)
        )

    def _infill(
        self, prompt: str, suffix: str, max_tokens: int | None, seed: int, *, spm: bool
    ) -> Generated:
        ids_or_none = [self._tokenizer.id_of(text) for text in FILL_IN_THE_MIDDLE]
        fim_ids = [number for number in ids_or_none if number is not None]
        if len(fim_ids) < len(ids_or_none):
            raise ConfigError(f"--suffix: the tokenizer must have {', '.join(FILL_IN_THE_MIDDLE)}")
        prefix_id, middle_id, suffix_id = fim_ids
        before, after = (self._tokenizer.encode(text).tolist() for text in (prompt, suffix))
        ids = [*_as_list(self._packing.bos), prefix_id]
        if spm:
            ids += [suffix_id, *after, middle_id, *before]
        else:
            ids += [*before, suffix_id, *after, middle_id]
        if len(ids) > self._packing.sequence_length:
            raise ConfigError(
                f"--suffix: with the prompt and special tokens it has {len(ids):,} tokens, and "
                f"the training sequences have {self._packing.sequence_length:,}",
                "give less text around the middle",
            )
        span, ended = self._generate_until_eos(ids, max_tokens, seed)
        return Generated("middle", prompt + span[0].text + suffix, ended, (span[0],))

    def _fill(self, prompt: str, seed: int, *, two_streams: bool) -> Generated:
        mask, surface_forms = mask_text(self._tokenizer), self._surface_forms
        template = self._template(prompt, prompt.split(mask), mask)
        mask_id = 0 if self._tokenizer.mask is None else self._tokenizer.mask
        ids, mask_indices = _as_list(self._packing.bos), list[int]()
        for number, part in enumerate(template.parts):
            if number:
                mask_indices.append(len(ids))
                ids.append(mask_id)
            ids += self._tokenizer.encode(part).tolist()
        ids += _as_list(self._packing.eos)
        allowed = {
            p: self._ids(surface_forms.may_fill_alone(template, n))
            for n, p in enumerate(mask_indices)
        }
        spans: dict[int, Span] = {}
        for filled_mask in fill(
            self._model,
            ids,
            allowed,
            self._sampling,
            two_streams=two_streams,
            seed=seed,
            window=self._packing.sequence_length,
        ):
            top_ids_A = (
                filled_mask.p_V.sort(descending=True, stable=True).indices[:ALTERNATIVES].tolist()
            )
            space = template.has_space_before[mask_indices.index(filled_mask.index)]
            sampled = self._piece(filled_mask.token, float(filled_mask.p_V[filled_mask.token]))
            alternatives = tuple(
                self._piece(a, float(filled_mask.p_V[a])) for a in top_ids_A if filled_mask.p_V[a]
            )
            text = surface_forms.text([filled_mask.token], space=space)
            spans[filled_mask.index] = Span(text, sampled.probability, (sampled,), alternatives)
        in_order = tuple(spans[index] for index in mask_indices)
        return Generated("masks", template.filled(span.text for span in in_order), True, in_order)

    def _fill_spans(
        self, prompt: str, max_tokens: int | None, seed: int, spans_format: MaskedSpans
    ) -> Generated:
        """Let a decoder predict the masked spans, or the full text."""
        style, mask = spans_format.style, mask_text(self._tokenizer)
        parts, sentinels = prompt.split(mask), self._tokenizer.sentinels
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
        template = self._template(prompt, parts, mask)
        count = len(template.has_space_before)
        if style == "t5" and count > len(sentinels):
            raise ConfigError(
                f"--prompt: got {count:,} masks, and the tokenizer has {len(sentinels):,} sentinels"
            )
        eos = self._tokenizer.eos
        assert eos is not None and self._tokenizer.pad is not None, "pretrain requires them"
        ids: list[int] = []
        for number, part in enumerate(template.parts):
            if number:
                ids += [sentinels[number - 1]] if style == "t5" else _as_list(self._tokenizer.mask)
            ids += self._tokenizer.encode(part).tolist()
        ids.append(eos)
        source_length = spans_format.source_length
        if self._has_learned_positions and len(ids) > source_length:
            raise ConfigError(
                f"--prompt: has {len(ids):,} tokens, and the model has learned positions for "
                f"{source_length:,}",
                "give a shorter text",
            )
        device = self._model.embedding.weight.device
        tokens_BS = torch.tensor([ids], device=device)
        with torch.no_grad():
            source = self._model.encode(tokens_BS, torch.arange(len(ids), device=device)[None])
        default = DEFAULT_MAX_TOKENS + (len(ids) if style == "bart" else 0)
        limit = self._max_tokens(max_tokens, default, spans_format.target_length)
        pad = self._tokenizer.pad
        if style == "bart":
            (restored, _), ended = self._generate_until_eos([pad], limit, seed, source)
            text = (
                restored.text
                if not self._surface_forms.tokens_include_space
                else restored.text.removeprefix(" ")
            )
            return Generated("whole", text, ended, (restored,))
        sampled_tokens = islice(
            sample_tokens(
                self._model,
                [pad],
                self._allowed_after(template, sentinels[:count], eos),
                self._sampling,
                seed=seed,
                source=source,
            ),
            limit,
        )
        spans, ended = self._split_spans(sampled_tokens, template, sentinels[:count], eos)
        texts = [span.text for span in spans]
        unfilled = [
            " " * template.has_space_before[number] + placeholders[number]
            for number in range(len(texts), count)
        ]
        return Generated("spans", template.filled([*texts, *unfilled]), ended, tuple(spans))

    def _allowed_after(self, template: Template, sentinels: Sequence[int], eos: int) -> AllowedNext:
        """Let sentinels come in order, text after each, and EOS after the last."""
        text_V = self._ids(self._surface_forms.is_text_V)
        may_begin = [
            self._ids(self._surface_forms.may_begin(template, n)) for n in range(len(sentinels))
        ]
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
        self, sampled_tokens: Iterable[Any], template: Template, sentinels: Sequence[int], eos: int
    ) -> tuple[list[Span], bool]:
        """Split what was generated at the sentinels."""
        parts: list[tuple[list[Piece], list[int], float]] = []
        ended = False
        for sampled in sampled_tokens:
            if parts:
                parts[-1] = (*parts[-1][:2], parts[-1][2] * sampled.probability)
            if sampled.token == eos:
                ended = True
                break
            if sampled.token in sentinels:
                parts.append(([], [], 1.0))
            else:
                parts[-1][0].append(self._piece(sampled.token, sampled.probability))
                parts[-1][1].append(sampled.token)
        spans = [
            Span(
                self._surface_forms.text(ids, space=template.has_space_before[number]),
                p,
                tuple(pieces),
            )
            for number, (pieces, ids, p) in enumerate(parts)
        ]
        return spans, ended

    def _generate_until_eos(
        self, ids: list[int], max_tokens: int | None, seed: int, source: Source | None = None
    ) -> tuple[tuple[Span, list[int]], bool]:
        """Continue a sequence until EOS, or until the maximum length."""
        window = self._packing.sequence_length
        eos = self._tokenizer.eos if source else self._packing.eos
        if self._has_learned_positions and len(ids) > window:
            raise ConfigError(
                f"--prompt: has {len(ids):,} tokens, and the model has learned positions for "
                f"{window:,}",
                "give a shorter text",
            )
        if source is None:
            max_tokens = self._max_tokens(max_tokens, DEFAULT_MAX_TOKENS, window - len(ids) + 1)
        assert max_tokens is not None
        allowed_V = self._ids(self._surface_forms.is_text_V)
        if eos is not None:
            allowed_V[eos] = True
        pieces, generated, probability = list[Piece](), list[int](), 1.0
        for sampled in islice(
            sample_tokens(
                self._model,
                ids,
                lambda _: allowed_V,
                self._sampling,
                seed=seed,
                window=None if source else window,
                source=source,
            ),
            max_tokens,
        ):
            probability *= sampled.probability
            if sampled.token == eos:
                break
            pieces.append(self._piece(sampled.token, sampled.probability))
            generated.append(sampled.token)
        span = Span(self._surface_forms.text(generated), probability, tuple(pieces))
        return (span, generated), len(generated) < max_tokens

    def _max_tokens(self, max_tokens: int | None, default: int, available: int) -> int:
        """Return the maximum number of tokens to generate."""
        if not self._has_learned_positions:
            return max_tokens or default
        if max_tokens is not None and max_tokens > available:
            raise ConfigError(
                f"--max-tokens: got {max_tokens:,}, but after this prompt the model has learned "
                f"positions for {available:,}",
                f"give --max-tokens {available} or less",
            )
        return max_tokens or min(default, available)

    def _template(self, prompt: str, parts: Sequence[str], mask: str) -> Template:
        if len(parts) == 1:
            raise ConfigError(
                f"--prompt: got {prompt!r}, and a run with --objective {self._objective} "
                f"only predicts masked text",
                f"write {mask} where text is missing",
            )
        return Template.from_parts(
            parts, tokens_include_space=self._surface_forms.tokens_include_space
        )

    def _piece(self, token: int, probability: float) -> Piece:
        return Piece(self._tokenizer.text_of(token) or "", probability)

    def _ids(self, is_allowed_V: Any) -> Tensor:
        """Return a mask over the model's vocabulary."""
        allowed_V = torch.zeros(self._model.vocabulary_size, dtype=torch.bool)
        allowed_V[: len(is_allowed_V)] = torch.from_numpy(is_allowed_V)
        return allowed_V


def _as_list(token: int | None) -> list[int]:
    return [] if token is None else [token]
