"""Whether the tokens of a text decode to the text.

Choices:
- Most tokenizers return a text unchanged, and then nothing else has to be checked.
- Others lose information by design: BERT's lowercases it, T5's merges spaces, words are separated
  by one space. Their output is compared with the text after their own normalizer, in letters and
  digits only. If there are unknown tokens, the decoded text must still be in the text, in the same
  order.
- A WordPiece decoder cleans up the decoded text (`do not` becomes `don't`); that is disabled here,
  since it is unrelated to the tokens.
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
        self._folder, self._tokenizer = folder, tokenizer
        self.unknown = tokenizer.unknown if tokenizer.unknown is not None else self._models_unknown
        """Id of the unknown token, by its role or by the model's own setting."""

    def holds(self, text: str, ids: NDArray[Any]) -> bool:
        """Return whether the tokens decode to the text; `ids` are without BOS and EOS."""
        text = well_formed(text)
        if self._tokenizer.decode(ids) == text:
            return True
        left_out = np.union1d(
            self._tokenizer.special, [] if self.unknown is None else [self.unknown]
        )
        shown: list[int] = ids[~np.isin(ids, left_out)].tolist()
        decoded = letters(self._without_cleanup.decode(shown, skip_special_tokens=False))
        expected = letters(self._normalized(text))
        if self.unknown is not None and (ids == self.unknown).any():
            return in_order(decoded, expected)
        return decoded == expected

    @cached_property
    def _description(self) -> dict[str, Any]:
        return json.loads((self._folder / TOKENIZER).read_bytes())

    @cached_property
    def _without_cleanup(self) -> tokenizers.Tokenizer:
        description = self._description
        _disable_cleanup(description.get("decoder"))
        return tokenizers.Tokenizer.from_str(json.dumps(description))

    @property
    def _models_unknown(self) -> int | None:
        model = self._description["model"]
        if isinstance(model.get("unk_id"), int):
            return int(model["unk_id"])
        text = model.get("unk_token")
        return self._tokenizer.id_of(text) if isinstance(text, str) else None

    def _normalized(self, text: str) -> str:
        normalizer: Any = self._without_cleanup.normalizer
        return text if normalizer is None else normalizer.normalize_str(text)


def letters(text: str) -> str:
    """Return the letters and digits of a text.

    >>> letters(" Don't do it, 007!")
    'Dontdoit007'
    """
    return "".join(filter(str.isalnum, text))


def in_order(part: str, text: Iterable[str]) -> bool:
    """Return whether all characters of a text are in another one, in the same order.

    >>> in_order("ace", "abcde"), in_order("eca", "abcde")
    (True, False)
    """
    rest = iter(text)
    return all(character in rest for character in part)


def _disable_cleanup(decoder: dict[str, Any] | None) -> None:
    if decoder and "cleanup" in decoder:
        decoder["cleanup"] = False
    for inner in (decoder or {}).get("decoders", ()):
        _disable_cleanup(inner)
