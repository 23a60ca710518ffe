"""Prompts with masks, and which tokens may fill them.

Choices:
- A mask is recognized by its literal text, such as `<mask>`. All else is text, even if it looks
  like a special token.
- A space before a mask belongs to what is filled in, where tokens are words with the space before
  them (in RoBERTa's tokenizer the mask includes it, too); what is filled in then begins with a
  space, and elsewhere without one. So the text around masks is unchanged, to the byte.
- A token that is a part of a character is no text by itself and never fills a mask alone.

Shapes: V vocabulary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.word_boundaries import PART_OF_A_CHARACTER, token_texts

DEFAULT_MASK = "<mask>"
"""The mask in a prompt where the tokenizer has no token for it."""


def mask_text(tokenizer: Tokenizer) -> str:
    """Return the text of a mask in a prompt."""
    text = None if tokenizer.mask is None else tokenizer.text_of(tokenizer.mask)
    return text or DEFAULT_MASK


@dataclass(frozen=True)
class Template:
    """A text with masks."""

    parts: tuple[str, ...]
    """The text before, between and after the masks, without the spaces that belong to them."""
    has_space_before: tuple[bool, ...]
    """For each mask, whether a space before it belongs to it."""

    @classmethod
    def from_parts(cls, parts: Sequence[str], *, tokens_include_space: bool) -> "Template":
        """Return the template of a text that was split at its masks.

        >>> Template.from_parts(["The ", " sat", "."], tokens_include_space=True)
        Template(parts=('The', ' sat', '.'), has_space_before=(True, False))
        """
        has_space_before = [tokens_include_space and part.endswith(" ") for part in parts[:-1]]
        kept = [
            part[: len(part) - space] for part, space in zip(parts, has_space_before, strict=False)
        ]
        return cls((*kept, parts[-1]), tuple(has_space_before))

    def filled(self, surface_forms: Iterable[str]) -> str:
        """Return the text with these texts in place of the masks."""
        return self.parts[0] + "".join(
            text + part for text, part in zip(surface_forms, self.parts[1:], strict=True)
        )


class SurfaceForms:
    """The text that each token of a tokenizer stands for inside a text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        surface_forms = token_texts(tokenizer)
        self.is_text_V = np.array([text is not None for text in surface_forms])
        self._is_complete_text_V = np.array(
            [bool(t) and PART_OF_A_CHARACTER not in t for t in surface_forms]
        )
        self._begins_with_space_V = np.array(
            [bool(text) and text.startswith(" ") for text in surface_forms]
        )
        self._has_word_tokens_only = tokenizer.algorithm in {"wordpiece", "wordlevel"}
        self.tokens_include_space = any(
            text and text[0] == " " and text.strip() for text in surface_forms
        )
        """Whether words are tokens together with the space before them."""
        self.anchor: list[int] = tokenizer.encode("a").tolist()
        """Tokens after which others are inside a text."""

    def may_begin(self, template: Template, index: int) -> NDArray[np.bool_]:
        """Return for each token whether it may come first at a mask."""
        before = template.parts[index]
        if template.has_space_before[index]:
            allowed_V = self._begins_with_space_V
        elif not self.tokens_include_space or (index == 0 and not before):
            allowed_V = np.ones_like(self._begins_with_space_V)
        elif self._has_word_tokens_only and before and not before[-1].isalnum():
            allowed_V = np.ones_like(
                self._begins_with_space_V
            )  # punctuation ends a word without a space
        else:
            allowed_V = ~self._begins_with_space_V
        allowed_V = allowed_V & self.is_text_V
        return allowed_V if allowed_V.any() else self.is_text_V

    def may_fill_alone(self, template: Template, index: int) -> NDArray[np.bool_]:
        """Return for each token whether it may fill a mask alone."""
        may_begin_V = self.may_begin(template, index)
        allowed_alone_V = may_begin_V & self._is_complete_text_V
        return allowed_alone_V if allowed_alone_V.any() else may_begin_V

    def text(self, ids: Sequence[int], *, space: bool | None = None) -> str:
        """Return the text of tokens inside a text; with or without a space before, if given.

        Decoded after another token: at the start of a text many decoders strip the first space, or
        keep WordPiece's ## before the continuation of a word.
        """
        if not ids:
            return ""
        anchor_text = self._tokenizer.decode(self.anchor)
        text = self._tokenizer.decode([*self.anchor, *ids]).removeprefix(anchor_text)
        if space is None or not self.tokens_include_space:
            return text
        return (" " if space else "") + text.removeprefix(" ")
