"""Span corruption: the special tokens and the lengths that `masked_spans` needs.

Choice: in T5's style every masked span of a sequence has a sentinel of its own, so the tokenizer
needs as many as the longest document of a sequence has spans.
"""

from typing import Literal, cast

from lmkit.errors import InputError
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.objective import Objective, Packing, required
from lmkit.objectives.prompt_formats import MaskedSpans
from lmkit.objectives.span_corruption.masked_spans import (
    Marks,
    lengths,
    sentinels_needed,
    span_corruption,
)
from lmkit.objectives.span_corruption.options import SpanConfig
from lmkit.tokenizers.tokenizer import Tokenizer


class SpanCorruption(Objective[SpanConfig]):
    """An encoder reads a text with masked spans, a decoder predicts them, or the whole text."""

    def make(self, tokenizer: Tokenizer, packing: Packing) -> MakeBatch:
        """Return a function that masks spans; the tokenizer needs EOS, and sentinels or a mask."""
        end = required(tokenizer.eos, "an EOS token", f"--objective {self.name}")
        if self.options.style == "bart":
            required(tokenizer.mask, "a mask token", f"--objective {self.name}")
        else:
            self._refuse_few_sentinels(tokenizer, packing.sequence_length)
        pad = cast(int, tokenizer.pad)
        bos_eos = tuple(token for token in (packing.bos, packing.eos) if token is not None)
        special = Marks(tokenizer.sentinels, tokenizer.mask, bos_eos, end, pad)
        noise_density, mean_span_length, style = self._noise
        return lambda rows, keys_B: span_corruption(
            rows, keys_B, special, noise_density, mean_span_length, style
        )

    def positions_needed(self, sequence_length: int) -> int:
        """Return the length of the longer of source and target.

        >>> bart = SpanCorruption("span-corruption", SpanConfig(style="bart"))
        >>> bart.positions_needed(512)
        513
        """
        return max(lengths(sequence_length, *self._noise))

    def prompt_format(self, packing: Packing) -> MaskedSpans:
        """Mask spans of a source, which has the lengths of training where positions are learned."""
        return MaskedSpans(self.options.style, *lengths(packing.sequence_length, *self._noise))

    @property
    def _noise(self) -> tuple[float, float, Literal["t5", "bart"]]:
        options = self.options
        return options.resolved_noise_density, options.mean_span_length, options.style

    def _refuse_few_sentinels(self, tokenizer: Tokenizer, length: int) -> None:
        noise_density, mean_span_length, _ = self._noise
        needed = sentinels_needed(length, noise_density, mean_span_length)
        if (sentinels := len(tokenizer.sentinels)) < needed:
            raise InputError(
                f"--objective {self.name}: sequences of {length:,} tokens have up to "
                f"{needed:,} masked spans, and the tokenizer has {sentinels:,} sentinels "
                "(<extra_id_0>, <extra_id_1>, ...)",
                "pack shorter sequences, raise --span.mean-span-length, or make a tokenizer with "
                "lmkit train-tokenizer --sentinels N",
            )
