"""What a trained model generates for a prompt, in the format of its objective.

    clm               BOS prompt ...
    clm with fim      BOS <fim_prefix> prompt <fim_suffix> suffix <fim_middle> ... EOS
    mlm, plm          BOS prompt EOS, each mask of it filled
    span-corruption   a source with masked spans, and a target

Choices:
- The objective describes the format (`objectives.prompt_formats`): this file knows no objective.
- A prompt is checked and split into tokens first, and generates later, so that a file of prompts is
  refused before anything is generated.
- What a format has no use for is refused: a suffix, a stop text, a number of tokens.
- A mask is filled with its likeliest token unless sampling was asked for, as in Transformers'
  fill-mask pipeline; a text that always continues with the likeliest token repeats itself.
- Continuations are computed together, masks and spans one prompt after the other.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from lmkit.errors import ConfigError
from lmkit.generation.continuation import (
    Beginning,
    continuations,
    middle_beginning,
    prompt_beginning,
    streamed,
)
from lmkit.generation.generated import Generated
from lmkit.generation.mask_prompts import MaskedPrompt, fill_masks, masked_prompt
from lmkit.generation.prompt_model import DEFAULT_ALTERNATIVES, PromptModel
from lmkit.generation.sampling import Sampling
from lmkit.generation.span_prompts import SpanPrompt, predict_spans, restore_text, span_prompt
from lmkit.model.transformer import Transformer
from lmkit.objectives.objective import Objective, Packing
from lmkit.objectives.prompt_formats import Continuation, MaskedSpans, Masks
from lmkit.tokenizers.tokenizer import Tokenizer

LIKELIEST, USUAL = 0.0, 0.8
"""Temperatures where none is given: of masks, whose likeliest token is the answer, and of texts."""

Prepared = Beginning | MaskedPrompt | SpanPrompt
"""A prompt that was checked and split into tokens."""


def default_temperature(objective: Objective[Any], packing: Packing) -> float:
    """Return the temperature of sampling where none was asked for."""
    return LIKELIEST if isinstance(objective.prompt_format(packing), Masks) else USUAL


class PromptRunner:
    """A run's model that generates for prompts; an error reports what is missing in a prompt.

    Args:
        model: its device and precision are not changed.
        tokenizer: of the model.
        objective: what the model was trained for; it describes the format.
        packing: of the documents that it was trained on.
        sampling: how tokens are sampled.
        stop: texts that end a continuation.
        alternatives: how many of the likeliest tokens to return for each mask; None: 5.

    """

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer,
        objective: Objective[Any],
        packing: Packing,
        sampling: Sampling,
        stop: Sequence[str] = (),
        alternatives: int | None = None,
    ) -> None:
        self._of = PromptModel(
            model,
            tokenizer,
            objective.name,
            packing,
            sampling,
            alternatives or DEFAULT_ALTERNATIVES,
        )
        self._format, self._stop = objective.prompt_format(packing), stop
        self._alternatives = alternatives

    def write(self, prompt: str, suffix: str, max_tokens: int | None, seed: int) -> Generated:
        """Generate one text."""
        (generated,) = self.write_all([self.prepare(prompt, suffix, max_tokens)], [seed])
        return generated

    def check(self, max_tokens: int | None) -> None:
        """Raise ConfigError for options that have no meaning for this run, whatever the prompt."""
        objective, sampling = self._of.objective, self._of.sampling
        if self._format is None:
            raise ConfigError(
                f"RUN: a run with --objective {objective} has learned no format of a "
                "prompt, so it can't generate",
                "lmkit eval measures it, and lmkit export writes it for others to fine-tune",
            )
        if self._stop and not isinstance(self._format, Continuation):
            raise ConfigError(
                f"--stop: got {self._stop[0]!r}, but a run with --objective {objective} only "
                "predicts masked text, which has its own end",
                "leave it out",
            )
        if not isinstance(self._format, Masks):
            if self._alternatives is not None:
                raise ConfigError(
                    f"--alternatives: got {self._alternatives}, but a run with --objective "
                    f"{objective} doesn't fill masks one token each",
                    "leave it out",
                )
            return
        if max_tokens is not None:
            raise ConfigError(
                f"--max-tokens: got {max_tokens}, but a run with --objective {objective} "
                "generates one token for each mask of the prompt",
                "leave it out",
            )
        if sampling.repetition_penalty != 1:
            raise ConfigError(
                f"--repetition-penalty: got {sampling.repetition_penalty:g}, but a run with "
                f"--objective {objective} fills masks, and doesn't continue a text",
                "leave it out",
            )

    def prepare(self, prompt: str, suffix: str, max_tokens: int | None) -> Prepared:
        """Check a prompt and split it into tokens. Raises ConfigError."""
        if suffix and not (isinstance(self._format, Continuation) and self._format.middle):
            is_decoder = isinstance(self._format, Continuation)
            why = "--fim.rate 0" if is_decoder else f"--objective {self._of.objective}"
            raise ConfigError(
                f"--suffix: the run was trained with {why}, so it can't generate a middle",
                "leave it out, or train a decoder with --fim.rate 0.5",
            )
        self.check(max_tokens)
        match self._format:
            case Continuation(middle) if suffix:
                return middle_beginning(self._of, prompt, suffix, max_tokens, spm=middle == "spm")
            case Masks():
                return masked_prompt(self._of, prompt)
            case MaskedSpans() as spans:
                return span_prompt(self._of, prompt, max_tokens, spans)
            case _:
                return prompt_beginning(self._of, prompt, max_tokens)

    def write_all(self, prompts: Sequence[Prepared], seeds: Sequence[int]) -> Iterator[Generated]:
        """Generate a text for each prompt; yield them in order, each when it has ended."""
        beginnings = [prompt for prompt in prompts if isinstance(prompt, Beginning)]
        if beginnings:
            yield from continuations(self._of, beginnings, seeds, self._stop)
            return
        for prompt, seed in zip(prompts, seeds, strict=True):
            match self._format, prompt:
                case Masks(two_streams), MaskedPrompt():
                    yield fill_masks(self._of, prompt, seed, two_streams=two_streams)
                case MaskedSpans(style), SpanPrompt():
                    function = predict_spans if style == "t5" else restore_text
                    yield function(self._of, prompt, seed)
                case _:
                    raise AssertionError("a prompt was prepared for another run")

    def stream(self, prompt: Prepared, seed: int) -> Iterator[str] | None:
        """Generate a text in parts, each as soon as nothing changes it.

        Together they are the text of `write`. None where it isn't written from start to end.
        """
        if isinstance(prompt, Beginning) and not prompt.suffix:
            return streamed(self._of, prompt, seed, self._stop)
        return None
