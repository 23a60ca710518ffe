"""Whether the tokens of a text say what the text says.

Choices:
- Most tokenizers give a text back as it was, and then there is nothing to ask.
- Others lose some of it on purpose: BERT's lowers it, T5's joins blanks, words stand one blank
  apart. Theirs is compared with what their own normalizer makes of the text, in its letters and
  digits alone. Where a token is the unknown one, what was decoded must still be in the text, in
  the same order.
- A WordPiece decoder tidies up what it has put together (`do not` becomes `don't`); that is
  switched off here, since it says nothing about the tokens.
"""

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.tokenizer import TOKENIZER, Tokenizer


class RoundTrip:
    """Compares tokens with their texts; `folder` is the tokenizer's."""

    def __init__(self, folder: Path, tokenizer: Tokenizer) -> None:
        self._folder, self._known = folder, tokenizer
        self.unknown = tokenizer.unknown if tokenizer.unknown is not None else self._models_unknown
        """Id of the unknown token, by its role or by what the model says of itself."""

    def holds(self, text: str, ids: NDArray[Any]) -> bool:
        """Say whether the tokens are those of the text; `ids` are without begin and end."""
        text = well_formed(text)
        if self._known.decode(ids) == text:
            return True
        left_out = np.union1d(self._known.special, [] if self.unknown is None else [self.unknown])
        shown: list[int] = ids[~np.isin(ids, left_out)].tolist()
        said = letters(self._untidied.decode(shown, skip_special_tokens=False))
        meant = letters(self._normalized(text))
        if self.unknown is not None and (ids == self.unknown).any():
            return in_order(said, meant)
        return said == meant

    @cached_property
    def _description(self) -> dict[str, Any]:
        return json.loads((self._folder / TOKENIZER).read_bytes())

    @cached_property
    def _untidied(self) -> tokenizers.Tokenizer:
        description = self._description
        _leave_untidied(description.get("decoder"))
        return tokenizers.Tokenizer.from_str(json.dumps(description))

    @property
    def _models_unknown(self) -> int | None:
        model = self._description["model"]
        if isinstance(model.get("unk_id"), int):
            return int(model["unk_id"])
        text = model.get("unk_token")
        return self._known.id_of(text) if isinstance(text, str) else None

    def _normalized(self, text: str) -> str:
        normalizer: Any = self._untidied.normalizer
        return text if normalizer is None else normalizer.normalize_str(text)


def letters(text: str) -> str:
    """Return the letters and digits of a text.

    >>> letters(" Don't do it, 007!")
    'Dontdoit007'
    """
    return "".join(filter(str.isalnum, text))


def in_order(part: str, whole: Iterable[str]) -> bool:
    """Whether all characters of a text are in another one, in the same order.

    >>> in_order("ace", "abcde"), in_order("eca", "abcde")
    (True, False)
    """
    rest = iter(whole)
    return all(character in rest for character in part)


def _leave_untidied(decoder: dict[str, Any] | None) -> None:
    if decoder and "cleanup" in decoder:
        decoder["cleanup"] = False
    for inner in (decoder or {}).get("decoders", ()):
        _leave_untidied(inner)
