"""Continuing a prompt with a decoder, or generating the middle between a prompt and a suffix.

Choices:
- Prompt and continuation are decoded together: a character may begin in the prompt.
- Several prompts are continued at once. Each has its own random numbers, its own limit and its own
  end, and its text is the one that it gets alone.
- Where positions are learned, nothing is read or generated beyond the trained positions.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lmkit.errors import ConfigError
from lmkit.generation.generated import FinishReason, Generated, Span
from lmkit.generation.prompt_model import DEFAULT_MAX_TOKENS, PromptModel, as_list
from lmkit.generation.sampling import SampledToken
from lmkit.generation.sequence_batch import SequenceBatch
from lmkit.generation.stop_texts import StopTexts
from lmkit.generation.text_stream import TextStream
from lmkit.tokenizers.special_tokens import FILL_IN_THE_MIDDLE


@dataclass(frozen=True)
class Beginning:
    """The tokens that a model continues, and what they were made of."""

    prompt: str
    suffix: str
    ids: tuple[int, ...]
    max_tokens: int


def prompt_beginning(of: PromptModel, prompt: str, max_tokens: int | None) -> Beginning:
    """Return BOS and a prompt. Raises ConfigError for one that can't be continued."""
    ids = [*as_list(of.packing.bos), *of.tokenizer.encode(prompt).tolist()]
    if not ids:
        raise ConfigError(
            "--prompt: got nothing, and the run was packed without a BOS token",
            "give a text to continue",
        )
    return _limited(of, prompt, "", ids, max_tokens)


def middle_beginning(
    of: PromptModel, prompt: str, suffix: str, max_tokens: int | None, *, spm: bool
) -> Beginning:
    """Return a prompt and a suffix with the special tokens between them, in training's order."""
    ids_or_none = [of.tokenizer.id_of(text) for text in FILL_IN_THE_MIDDLE]
    fim_ids = [number for number in ids_or_none if number is not None]
    if len(fim_ids) < len(ids_or_none):
        raise ConfigError(f"--suffix: the tokenizer must have {', '.join(FILL_IN_THE_MIDDLE)}")
    prefix_id, middle_id, suffix_id = fim_ids
    before, after = (of.tokenizer.encode(text).tolist() for text in (prompt, suffix))
    ids = [*as_list(of.packing.bos), prefix_id]
    if spm:
        ids += [suffix_id, *after, middle_id, *before]
    else:
        ids += [*before, suffix_id, *after, middle_id]
    if len(ids) > of.packing.sequence_length:
        raise ConfigError(
            f"--suffix: with the prompt and special tokens it has {len(ids):,} tokens, and "
            f"the training sequences have {of.packing.sequence_length:,}",
            "give less text around the middle",
        )
    return _limited(of, prompt, suffix, ids, max_tokens)


def _limited(
    of: PromptModel, prompt: str, suffix: str, ids: list[int], max_tokens: int | None
) -> Beginning:
    window = of.window
    of.refuse_longer(ids, window)
    limit = of.max_tokens(max_tokens, DEFAULT_MAX_TOKENS, window - len(ids) + 1)
    return Beginning(prompt, suffix, tuple(ids), limit)


class ContinuedText:
    """A text that grows token by token, until EOS, a stop text or the most tokens."""

    def __init__(self, of: PromptModel, beginning: Beginning, stop: Sequence[str]) -> None:
        self.beginning, self._of = beginning, of
        self.finish_reason: FinishReason | None = None
        self._context = of.surface_forms.anchor if beginning.suffix else list(beginning.ids)
        self._stream = TextStream(of.tokenizer, self._context)
        self._stop = StopTexts(stop, skip=len(self._stream.tail))
        self._generated: list[SampledToken] = []
        self._decoded = len(self._stream.start)
        """Characters that nothing can change any more."""
        self._begins: list[int] = []
        """Where each token begins in the text."""
        self.shown = self._stream.start
        """The text so far, without what may become a stop text."""

    def push(self, sampled: SampledToken) -> str:
        """Add a token, and return what can be shown of the text in addition."""
        if sampled.token == self._of.packing.eos:
            self._generated.append(sampled)
            return self._finish("eos")
        self._begins.append(self._decoded + len(self._stream.tail))
        self._generated.append(sampled)
        decoded = self._stream.push(sampled.token)
        self._decoded += len(decoded)
        new = self._stop.push(decoded, self._stream.tail)
        self.shown += new
        if self._stop.found:
            self.finish_reason = "stop"
        elif len(self._generated) == self.beginning.max_tokens:
            new += self._finish("length")
        return new

    def _finish(self, reason: FinishReason) -> str:
        rest = self._stop.finish(self._stream.tail)
        self.shown += rest
        self.finish_reason = "stop" if self._stop.found else reason
        return rest

    def result(self) -> Generated:
        """Return what was generated, once the text has ended."""
        assert self.finish_reason is not None, "it is still growing"
        of, beginning = self._of, self.beginning
        ids = [each.token for each in self._generated if each.token != of.packing.eos]
        probability = 1.0
        for sampled in self._generated:
            probability *= sampled.probability
        text, span_text = of.tokenizer.decode([*self._context, *ids]), of.surface_forms.text(ids)
        kept = len(ids)
        if self.finish_reason == "stop":
            removed = len(text) - len(self.shown)
            text, span_text = self.shown, span_text[: max(0, len(span_text) - removed)]
            kept = sum(begin < len(self.shown) for begin in self._begins)
        pieces = tuple(of.piece(each.token, each.probability) for each in self._generated[:kept])
        span = Span(span_text, probability, pieces)
        if beginning.suffix:
            text = beginning.prompt + span_text + beginning.suffix
        kind = "middle" if beginning.suffix else "continuation"
        return Generated(kind, text, self.finish_reason, (span,))


def continue_together(
    of: PromptModel, texts: Sequence[ContinuedText], seeds: Sequence[int]
) -> Iterator[tuple[ContinuedText, str]]:
    """Continue texts in one batch; yield each time a text, and what can be shown in addition."""
    batch = SequenceBatch(
        of.model,
        [text.beginning.ids for text in texts],
        of.sampling,
        seeds,
        window=of.window,
    )
    allowed_V = of.text_or(of.packing.eos)
    growing = list(texts)
    while growing:
        sampled_tokens = batch.next_tokens([allowed_V] * len(growing))
        for text, sampled in zip(growing, sampled_tokens, strict=True):
            yield text, text.push(sampled)
        rows = [row for row, text in enumerate(growing) if text.finish_reason is None]
        growing = [growing[row] for row in rows]
        if growing:
            batch.keep(rows)


def continuations(
    of: PromptModel, beginnings: Sequence[Beginning], seeds: Sequence[int], stop: Sequence[str]
) -> Iterator[Generated]:
    """Continue prompts in one batch; yield what was generated in their order, once it has ended."""
    waiting = deque(ContinuedText(of, beginning, stop) for beginning in beginnings)
    for _ in continue_together(of, list(waiting), seeds):
        while waiting and waiting[0].finish_reason is not None:
            yield waiting.popleft().result()


def streamed(
    of: PromptModel, beginning: Beginning, seed: int, stop: Sequence[str]
) -> Iterator[str]:
    """Yield the text of a prompt and its continuation, in parts, as soon as nothing changes it."""
    text = ContinuedText(of, beginning, stop)
    yield text.shown
    for _, new in continue_together(of, [text], [seed]):
        yield new
