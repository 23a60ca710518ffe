"""A trained model with all that generating for a prompt needs.

Shapes: V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lmkit.errors import ConfigError
from lmkit.generation.generated import Piece
from lmkit.generation.sampling import Sampling
from lmkit.generation.templates import SurfaceForms, Template
from lmkit.model.context_length import context_length
from lmkit.model.transformer import Transformer
from lmkit.objectives.objective import Packing
from lmkit.tokenizers.tokenizer import Tokenizer

DEFAULT_MAX_TOKENS = 200
DEFAULT_ALTERNATIVES = 5


@dataclass(frozen=True)
class PromptModel:
    """A model, its tokenizer, and how it was trained and is sampled from."""

    model: Transformer
    tokenizer: Tokenizer
    objective: str
    packing: Packing
    sampling: Sampling
    alternatives: int = DEFAULT_ALTERNATIVES
    """How many of the likeliest tokens are returned for each mask."""

    @cached_property
    def surface_forms(self) -> SurfaceForms:
        """The text that each token stands for."""
        return SurfaceForms(self.tokenizer)

    @property
    def has_learned_positions(self) -> bool:
        """Whether nothing can be read or generated beyond the trained positions."""
        return self.model.config.longest is not None

    @property
    def window(self) -> int:
        """How many positions are read at once: as in training, or as far as scaled ones reach."""
        return context_length(self.model.config, self.packing.sequence_length)

    @property
    def device(self) -> torch.device:
        """The model's."""
        return self.model.embedding.weight.device

    def max_tokens(self, max_tokens: int | None, default: int, available: int) -> int:
        """Return the most tokens to generate; learned positions are left for `available`."""
        if not self.has_learned_positions:
            return max_tokens or default
        if max_tokens is not None and max_tokens > available:
            raise ConfigError(
                f"--max-tokens: got {max_tokens:,}, but after this prompt the model has learned "
                f"positions for {available:,}",
                f"give --max-tokens {available} or less",
            )
        return max_tokens or min(default, available)

    def refuse_longer(self, ids: Sequence[int], positions: int) -> None:
        """Raise ConfigError if a prompt has more tokens than the model has learned positions."""
        if self.has_learned_positions and len(ids) > positions:
            raise ConfigError(
                f"--prompt: has {len(ids):,} tokens, and the model has learned positions for "
                f"{positions:,}",
                "give a shorter text",
            )

    def template(self, prompt: str, parts: Sequence[str], mask: str) -> Template:
        """Return the template of a prompt that was split at its masks."""
        if len(parts) == 1:
            raise ConfigError(
                f"--prompt: got {prompt!r}, and a run with --objective {self.objective} "
                f"only predicts masked text",
                f"write {mask} where text is missing",
            )
        return Template.from_parts(
            parts, tokens_include_space=self.surface_forms.tokens_include_space
        )

    def piece(self, token: int, probability: float) -> Piece:
        """Return a sampled token in its form in the vocabulary."""
        return Piece(self.tokenizer.text_of(token) or "", probability)

    def text_or(self, eos: int | None) -> Tensor:
        """Return a mask of the ids that are text, and of EOS."""
        allowed_V = self.allowed(self.surface_forms.is_text_V)
        if eos is not None:
            allowed_V[eos] = True
        return allowed_V

    def allowed(self, is_allowed_V: Any) -> Tensor:
        """Return a mask over the model's vocabulary, from one over the tokenizer's."""
        allowed_V = torch.zeros(self.model.vocabulary_size, dtype=torch.bool)
        allowed_V[: len(is_allowed_V)] = torch.from_numpy(is_allowed_V)
        return allowed_V


def as_list(token: int | None) -> list[int]:
    """Return a token as a sequence, of nothing where there is none."""
    return [] if token is None else [token]
