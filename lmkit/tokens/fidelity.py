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
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from lmkit.tokens.text import well_formed
from lmkit.tokens.tokenizer import TOKENIZER, Tokenizer


class Fidelity:
    """Compares tokens with their texts."""

    def __init__(self, folder: Path) -> None:
        known = Tokenizer.load(folder)
        description = json.loads((folder / TOKENIZER).read_bytes())
        _leave_untidied(description.get("decoder"))
        self._tokenizer = tokenizers.Tokenizer.from_str(json.dumps(description))
        self._tokenizer.encode_special_tokens = True
        self.unknown = _unknown(known, description["model"])
        """Id of the unknown token, by its role or by what the model says of itself."""
        self._left_out = np.union1d(known.special, [] if self.unknown is None else [self.unknown])

    def holds(self, text: str, ids: NDArray[Any]) -> bool:
        """Say whether the tokens are those of the text; `ids` are without begin and end."""
        text = well_formed(text)
        shown: list[int] = ids[~np.isin(ids, self._left_out)].tolist()
        decoded = self._tokenizer.decode(shown, skip_special_tokens=False)
        if decoded == text:
            return True
        said, meant = letters(decoded), letters(self._normalized(text))
        if self.unknown is not None and (ids == self.unknown).any():
            return in_order(said, meant)
        return said == meant

    def _normalized(self, text: str) -> str:
        normalizer: Any = self._tokenizer.normalizer
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


def _unknown(tokenizer: Tokenizer, model: dict[str, Any]) -> int | None:
    if tokenizer.unknown is not None:
        return tokenizer.unknown
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    text = model.get("unk_token")
    return tokenizer.id_of(text) if isinstance(text, str) else None
