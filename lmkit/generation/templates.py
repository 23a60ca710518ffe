"""A text with holes, as a person writes it, and what may be put in.

Choices:
- A hole is found by its literal text, such as `<mask>`. All else is text, whatever it looks like.
- A blank before a hole belongs to what is put in, where tokens are words with the blank before
  them (in RoBERTa's tokenizer the mask takes it up, too); what is put in then begins with a blank,
  and elsewhere with none. So the text around holes stays as it was typed, to the byte.
- A part of a character is no text by itself and never fills a hole alone.

Shapes: V vocabulary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.word_boundaries import PART_OF_A_CHARACTER, surfaces

MASK = "<mask>"
"""What stands for a hole where the tokenizer has no token for it."""


def mask_text(tokenizer: Tokenizer) -> str:
    """Return what a person writes for a hole."""
    text = None if tokenizer.mask is None else tokenizer.text_of(tokenizer.mask)
    return text or MASK


@dataclass(frozen=True)
class Template:
    """A text with holes."""

    parts: tuple[str, ...]
    """What stands before, between and behind the holes, without the blanks that belong to them."""
    blanks: tuple[bool, ...]
    """Of each hole, whether a blank before it belongs to it."""

    @classmethod
    def cut(cls, parts: Sequence[str], *, takes_blanks: bool) -> "Template":
        """Take a text that is cut where its holes are.

        >>> Template.cut(["The ", " sat", "."], takes_blanks=True)
        Holed(parts=('The', ' sat', '.'), blanks=(True, False))
        """
        blanks = [takes_blanks and part.endswith(" ") for part in parts[:-1]]
        kept = [part[: len(part) - blank] for part, blank in zip(parts, blanks, strict=False)]
        return cls((*kept, parts[-1]), tuple(blanks))

    def filled(self, texts: Iterable[str]) -> str:
        """Put texts into the holes."""
        return self.parts[0] + "".join(
            text + part for text, part in zip(texts, self.parts[1:], strict=True)
        )


class Spelling:
    """What the tokens of a tokenizer look like inside of a text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        texts = surfaces(tokenizer)
        self.is_text_V = np.array([text is not None for text in texts])
        self._is_whole_V = np.array([bool(t) and PART_OF_A_CHARACTER not in t for t in texts])
        self._has_blank_V = np.array([bool(text) and text.startswith(" ") for text in texts])
        self._knows_words_only = tokenizer.algorithm in {"wordpiece", "wordlevel"}
        self.takes_blanks = any(text and text[0] == " " and text.strip() for text in texts)
        """Whether words are tokens together with the blank before them."""
        self._anchor = tokenizer.encode("a").tolist()

    def may_open(self, holed: Template, hole: int) -> NDArray[np.bool_]:
        """Say of each token whether it may come first in a hole."""
        before = holed.parts[hole]
        if holed.blanks[hole]:
            fits_V = self._has_blank_V
        elif not self.takes_blanks or (hole == 0 and not before):
            fits_V = np.ones_like(self._has_blank_V)
        elif self._knows_words_only and before and not before[-1].isalnum():
            fits_V = np.ones_like(self._has_blank_V)  # a sign ends a word without a blank
        else:
            fits_V = ~self._has_blank_V
        fits_V = fits_V & self.is_text_V
        return fits_V if fits_V.any() else self.is_text_V

    def may_fill(self, holed: Template, hole: int) -> NDArray[np.bool_]:
        """Say of each token whether it may fill a hole alone."""
        opens_V = self.may_open(holed, hole)
        fills_V = opens_V & self._is_whole_V
        return fills_V if fills_V.any() else opens_V

    def text(self, ids: Sequence[int], *, blank: bool | None = None) -> str:
        """Return what tokens say inside of a text; with or without a blank before, where told.

        Read behind another token: by themselves many decoders take a first blank away, or leave
        WordPiece's ## before what goes on with a word.
        """
        if not ids:
            return ""
        alone = self._tokenizer.decode(self._anchor)
        text = self._tokenizer.decode([*self._anchor, *ids]).removeprefix(alone)
        if blank is None or not self.takes_blanks:
            return text
        return (" " if blank else "") + text.removeprefix(" ")
