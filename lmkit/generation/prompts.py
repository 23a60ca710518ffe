"""What a trained model writes for a person's prompt, in the form that its objective taught it.

    clm               begin prompt ...
    clm with fim      begin <fim_prefix> prompt <fim_suffix> suffix <fim_middle> ... end
    mlm, plm          begin prompt end, each mask of it filled
    span-corruption   source  prompt end; a sentinel for each hole (t5), or the mask (bart)
                      target  pad <extra_id_0> ... <extra_id_1> ... end (t5), or pad text end

Choices:
- Only text is drawn, and what the form wants next: T5's sentinels come in order, each once, and the
  end after the last. A hole that was never reached keeps its mark in the text.
- Prefix before suffix (PSM), unless the run was trained on the other order alone.
- Where positions are learned, nothing is read or written beyond the places that were trained.
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
from lmkit.generation.sampling import MayFollow, Sampling, choices
from lmkit.generation.templates import Spelling, Template, mask_text
from lmkit.model.transformer import Source, Transformer
from lmkit.objectives import span_corruption
from lmkit.objectives.options import ObjectiveConfig
from lmkit.objectives.registry import Packing
from lmkit.tokenizers.special_tokens import FILL_IN_THE_MIDDLE, sentinel
from lmkit.tokenizers.tokenizer import Tokenizer

Kind = Literal["continuation", "middle", "masks", "spans", "whole"]
USUAL_TOKENS = 200
ALTERNATIVES = 5


@dataclass(frozen=True)
class Piece:
    """A token, as the vocabulary writes it, and its odds when it was drawn."""

    token: str
    probability: float


@dataclass(frozen=True)
class Span:
    """One stretch that the model wrote."""

    text: str
    probability: float
    """The product over its pieces, and over what ended it."""
    pieces: tuple[Piece, ...]
    alternatives: tuple[Piece, ...] = ()
    """The likeliest that a mask might have become, at its turn."""


@dataclass(frozen=True)
class Generated:
    """A text, and what of it the model wrote."""

    kind: Kind
    text: str
    ended: bool
    spans: tuple[Span, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what a script reads."""
        return asdict(self)


class PromptRunner:
    """A run's model, ready to write for one prompt; an error says what the prompt lacks."""

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer,
        learned: ObjectiveConfig,
        packing: Packing,
        sampling: Sampling,
    ) -> None:
        self._model, self._tokenizer, self._sampling = model, tokenizer, sampling
        self._learned, self._packing = learned, packing
        self._spelling = Spelling(tokenizer)
        self._has_places = model.config.longest is not None

    def write(self, prompt: str, suffix: str, max_tokens: int | None, seed: int) -> Generated:
        """Write one text."""
        objective = self._learned.objective
        if suffix and not (objective == "clm" and self._learned.fim.rate):
            why = "--fim.rate 0" if objective == "clm" else f"--objective {objective}"
            raise ConfigError(
                f"--suffix: the run was trained with {why}, so it can't fill in a middle",
                "leave it out, or train a decoder with --fim.rate 0.5",
            )
        if objective == "clm":
            return (self._infill if suffix else self._go_on)(prompt, suffix, max_tokens, seed)
        if objective == "span-corruption":
            return self._restore(prompt, max_tokens, seed)
        if max_tokens is not None:
            raise ConfigError(
                f"--max-tokens: got {max_tokens}, but a run with --objective {objective} writes "
                "one token for each mask of the prompt",
                "leave it out",
            )
        return self._fill(prompt, seed)

    def _go_on(self, prompt: str, _: str, max_tokens: int | None, seed: int) -> Generated:
        ids = [*_some(self._packing.bos), *self._tokenizer.encode(prompt).tolist()]
        if not ids:
            raise ConfigError(
                "--prompt: got nothing, and the run was packed without a begin token",
                "give the model something to go on with",
            )
        span, ended = self._until_end(ids, max_tokens, seed)
        # Decoded together: a character may have begun in the prompt.
        return Generated(
            "continuation", self._tokenizer.decode([*ids, *span[1]]), ended, (span[0],)
        )

    def _infill(self, prompt: str, suffix: str, max_tokens: int | None, seed: int) -> Generated:
        found = [self._tokenizer.id_of(text) for text in FILL_IN_THE_MIDDLE]
        marks = [number for number in found if number is not None]
        if len(marks) < len(found):
            raise ConfigError(
                f"--suffix: the tokenizer lacks one of {', '.join(FILL_IN_THE_MIDDLE)}"
            )
        says_prefix, says_middle, says_suffix = marks
        before, behind = (self._tokenizer.encode(text).tolist() for text in (prompt, suffix))
        ids = [*_some(self._packing.bos), says_prefix]
        if self._learned.fim.spm_rate == 1:
            ids += [says_suffix, *behind, says_middle, *before]
        else:
            ids += [*before, says_suffix, *behind, says_middle]
        if len(ids) > self._packing.sequence_length:
            raise ConfigError(
                f"--suffix: with the prompt and marks it takes {len(ids):,} tokens, and the rows "
                f"of training have {self._packing.sequence_length:,}",
                "give less text around the middle",
            )
        span, ended = self._until_end(ids, max_tokens, seed)
        return Generated("middle", prompt + span[0].text + suffix, ended, (span[0],))

    def _fill(self, prompt: str, seed: int) -> Generated:
        mark, spelling = mask_text(self._tokenizer), self._spelling
        holed = self._cut(prompt, prompt.split(mark), mark)
        mask = 0 if self._tokenizer.mask is None else self._tokenizer.mask
        ids, places = _some(self._packing.bos), list[int]()
        for number, part in enumerate(holed.parts):
            if number:
                places.append(len(ids))
                ids.append(mask)
            ids += self._tokenizer.encode(part).tolist()
        ids += _some(self._packing.eos)
        holes = {p: self._ids(spelling.may_fill(holed, n)) for n, p in enumerate(places)}
        spans: dict[int, Span] = {}
        for filling in fill(
            self._model,
            ids,
            holes,
            self._sampling,
            two_streams=self._learned.objective == "plm",
            seed=seed,
            window=self._packing.sequence_length,
        ):
            best_A = filling.p_V.sort(descending=True, stable=True).indices[:ALTERNATIVES].tolist()
            blank = holed.blanks[places.index(filling.place)]
            chosen = self._piece(filling.token, float(filling.p_V[filling.token]))
            others = tuple(self._piece(a, float(filling.p_V[a])) for a in best_A if filling.p_V[a])
            text = spelling.text([filling.token], blank=blank)
            spans[filling.place] = Span(text, chosen.probability, (chosen,), others)
        in_order = tuple(spans[place] for place in places)
        return Generated("masks", holed.filled(span.text for span in in_order), True, in_order)

    def _restore(self, prompt: str, max_tokens: int | None, seed: int) -> Generated:
        """Let a decoder say what was in the holes, or the whole text."""
        style, mark = self._learned.span.style, mask_text(self._tokenizer)
        pieces, marks = prompt.split(mark), self._tokenizer.sentinels
        numbered = [int(n) for n in re.findall(r"<extra_id_(\d+)>", prompt)]
        written_as = [mark] * (len(pieces) - 1)
        if style == "t5" and numbered and len(pieces) == 1:
            if numbered != list(range(len(numbered))):
                raise ConfigError(
                    f"--prompt: got {', '.join(map(sentinel, numbered))}, must be <extra_id_0>, "
                    "<extra_id_1>, ... in this order, each once"
                )
            pieces = re.split(r"<extra_id_\d+>", prompt)
            written_as = [sentinel(number) for number in numbered]
        holed = self._cut(prompt, pieces, mark)
        holes = len(holed.blanks)
        if style == "t5" and holes > len(marks):
            raise ConfigError(
                f"--prompt: got {holes:,} holes, and the tokenizer has {len(marks):,} sentinels"
            )
        end = self._tokenizer.eos
        assert end is not None and self._tokenizer.pad is not None, "pretrain asked for them"
        ids: list[int] = []
        for number, part in enumerate(holed.parts):
            if number:
                ids += [marks[number - 1]] if style == "t5" else _some(self._tokenizer.mask)
            ids += self._tokenizer.encode(part).tolist()
        ids.append(end)
        span = self._learned.span
        most = span_corruption.lengths(
            self._packing.sequence_length, span.resolved_noise_density, span.mean_span_length, style
        )
        if self._has_places and len(ids) > most[0]:
            raise ConfigError(
                f"--prompt: takes {len(ids):,} tokens, and the model has learned positions for "
                f"{most[0]:,}",
                "give a shorter text",
            )
        device = self._model.embedding.weight.device
        tokens_BS = torch.tensor([ids], device=device)
        with torch.no_grad():
            source = self._model.encode(tokens_BS, torch.arange(len(ids), device=device)[None])
        usual = USUAL_TOKENS + (len(ids) if style == "bart" else 0)
        limit = self._limit(max_tokens, usual, most[1])
        pad = self._tokenizer.pad
        if style == "bart":
            (whole, _), ended = self._until_end([pad], limit, seed, source)
            text = whole.text if not self._spelling.takes_blanks else whole.text.removeprefix(" ")
            return Generated("whole", text, ended, (whole,))
        drawn = islice(
            choices(
                self._model,
                [pad],
                self._spans_may_follow(holed, marks[:holes], end),
                self._sampling,
                seed=seed,
                source=source,
            ),
            limit,
        )
        spans, ended = self._spans(drawn, holed, marks[:holes], end)
        texts = [span.text for span in spans]
        left = [
            " " * holed.blanks[number] + written_as[number] for number in range(len(texts), holes)
        ]
        return Generated("spans", holed.filled([*texts, *left]), ended, tuple(spans))

    def _spans_may_follow(self, holed: Template, marks: Sequence[int], end: int) -> MayFollow:
        """Let sentinels come in order, text behind each, and the end after the last."""
        text_V = self._ids(self._spelling.is_text_V)
        first = [self._ids(self._spelling.may_open(holed, n)) for n in range(len(marks))]
        nothing_V = torch.zeros_like(text_V)

        def may_follow(written: Sequence[int]) -> Tensor:
            said = sum(token in marks for token in written)
            if not said:
                may_V = nothing_V.clone()
            else:
                may_V = (first[said - 1] if written[-1] == marks[said - 1] else text_V).clone()
            may_V[marks[said] if said < len(marks) else end] = True
            return may_V

        return may_follow

    def _spans(
        self, drawn: Iterable[Any], holed: Template, marks: Sequence[int], end: int
    ) -> tuple[list[Span], bool]:
        """Cut what was said where sentinels stand."""
        said: list[tuple[list[Piece], list[int], float]] = []
        ended = False
        for choice in drawn:
            if said:
                said[-1] = (*said[-1][:2], said[-1][2] * choice.probability)
            if choice.token == end:
                ended = True
                break
            if choice.token in marks:
                said.append(([], [], 1.0))
            else:
                said[-1][0].append(self._piece(choice.token, choice.probability))
                said[-1][1].append(choice.token)
        spans = [
            Span(self._spelling.text(ids, blank=holed.blanks[number]), p, tuple(pieces))
            for number, (pieces, ids, p) in enumerate(said)
        ]
        return spans, ended

    def _until_end(
        self, ids: list[int], max_tokens: int | None, seed: int, source: Source | None = None
    ) -> tuple[tuple[Span, list[int]], bool]:
        """Go on with a row until the end comes, or there is no more room."""
        window = self._packing.sequence_length
        end = self._tokenizer.eos if source else self._packing.eos
        if self._has_places and len(ids) > window:
            raise ConfigError(
                f"--prompt: takes {len(ids):,} tokens, and the model has learned positions for "
                f"{window:,}",
                "give a shorter text",
            )
        if source is None:
            max_tokens = self._limit(max_tokens, USUAL_TOKENS, window - len(ids) + 1)
        assert max_tokens is not None
        may_V = self._ids(self._spelling.is_text_V)
        if end is not None:
            may_V[end] = True
        pieces, written, probability = list[Piece](), list[int](), 1.0
        for choice in islice(
            choices(
                self._model,
                ids,
                lambda _: may_V,
                self._sampling,
                seed=seed,
                window=None if source else window,
                source=source,
            ),
            max_tokens,
        ):
            probability *= choice.probability
            if choice.token == end:
                break
            pieces.append(self._piece(choice.token, choice.probability))
            written.append(choice.token)
        span = Span(self._spelling.text(written), probability, tuple(pieces))
        return (span, written), len(written) < max_tokens

    def _limit(self, max_tokens: int | None, usual: int, room: int) -> int:
        """Return how many tokens to write at most."""
        if not self._has_places:
            return max_tokens or usual
        if max_tokens is not None and max_tokens > room:
            raise ConfigError(
                f"--max-tokens: got {max_tokens:,}, but behind this prompt the model has learned "
                f"positions for {room:,}",
                f"give --max-tokens {room} or less",
            )
        return max_tokens or min(usual, room)

    def _cut(self, prompt: str, pieces: Sequence[str], mark: str) -> Template:
        if len(pieces) == 1:
            raise ConfigError(
                f"--prompt: got {prompt!r}, and a run with --objective {self._learned.objective} "
                f"only says what stands in place of {mark}",
                f"write {mark} where something is missing",
            )
        return Template.cut(pieces, takes_blanks=self._spelling.takes_blanks)

    def _piece(self, token: int, probability: float) -> Piece:
        return Piece(self._tokenizer.text_of(token) or "", probability)

    def _ids(self, is_in_V: Any) -> Tensor:
        """Return one truth for each token that the model knows."""
        may_V = torch.zeros(self._model.vocabulary_size, dtype=torch.bool)
        may_V[: len(is_in_V)] = torch.from_numpy(is_in_V)
        return may_V


def _some(token: int | None) -> list[int]:
    return [] if token is None else [token]
