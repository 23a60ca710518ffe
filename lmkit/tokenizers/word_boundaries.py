"""Where words begin in a row of tokens.

Choices:
- A word is a run of letters and digits, or one of other signs, with the blanks before it. Whether
  a token goes on with the word before it follows from how it begins and how that one ended, so two
  small tables over the vocabulary say it for any row.
- Tokens of bytes (GPT-2's signs) and SentencePiece's U+2581 are read as the text they stand for.
  WordPiece says by itself, with ##, what goes on with a word; in a vocabulary of words each token
  is one.
- A part of a character in UTF-8 counts as a letter: it is one more often than not.
- Scripts that don't part words by blanks have words as long as their sentences' parts.

Shapes: B rows, T places, V vocabulary.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.tokenizers.tokenizer import Tokenizer

BLANK, LETTER, OTHER, BORDER = range(4)
"""What a token begins or ends with; there is always a border between two words."""

PART_OF_A_CHARACTER = "\N{REPLACEMENT CHARACTER}"


class Words:
    """The words that tokens are parts of, by the text of each token; None where it is no text.

    >>> words = Words(["The", " cat", "s", "."])
    >>> words.first_places(np.array([[0, 1, 2, 3]]), np.ones((1, 4), np.int32)).tolist()
    [[0, 1, 1, 3]]
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._begins_V = np.array([_kind(text[0]) if text else BORDER for text in texts])
        self._ends_V = np.array([_end(text) if text else BORDER for text in texts])

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Words":
        """Tell words as a tokenizer writes them."""
        return cls(surfaces(tokenizer))

    def first_places(
        self, tokens_BT: NDArray[np.int64], documents_BT: NDArray[np.int32]
    ) -> NDArray[np.int64]:
        """Return for each place the column where its word begins, in its row and document."""
        starts_BT = np.ones(tokens_BT.shape, np.bool_)
        begin_BT, end_BT = self._begins_V[tokens_BT[:, 1:]], self._ends_V[tokens_BT[:, :-1]]
        starts_BT[:, 1:] = (begin_BT == BORDER) | ((end_BT != BLANK) & (begin_BT != end_BT))
        starts_BT[:, 1:] |= documents_BT[:, 1:] != documents_BT[:, :-1]
        columns_T = np.arange(tokens_BT.shape[1])
        return np.maximum.accumulate(np.where(starts_BT, columns_T, 0), axis=1)


def surfaces(tokenizer: Tokenizer) -> list[str | None]:
    """Return the text that each token stands for, a word's blank before it; None: it is no text."""
    read = _reader(tokenizer.stored)
    special = frozenset(tokenizer.special.tolist())
    tokens = [tokenizer.text_of(number) for number in range(tokenizer.size)]
    return [
        None if token is None or number in special else read(token)
        for number, token in enumerate(tokens)
    ]


def _kind(sign: str) -> int:
    if sign.isspace():
        return BLANK
    is_letter = unicodedata.category(sign)[0] in "LNM" or sign in {"_", PART_OF_A_CHARACTER}
    return LETTER if is_letter else OTHER


def _end(text: str) -> int:
    """Blanks go with the word behind them, but not those behind another word in the same token.

    >>> [_end(text) == BLANK for text in (" ", "a ")]
    [True, False]
    """
    kind = _kind(text[-1])
    return BORDER if kind == BLANK and not text.isspace() else kind


def _reader(stored: dict[str, Any]) -> Callable[[str], str]:
    """Return a function that reads tokens of a tokenizer.json as the text they stand for."""
    model: dict[str, Any] = stored["model"]
    if model["type"] == "WordLevel":
        return lambda token: f" {token}"
    if model["type"] == "WordPiece":
        mark: str = model.get("continuing_subword_prefix") or "##"
        return lambda token: token.removeprefix(mark) if token.startswith(mark) else f" {token}"
    if '"ByteLevel"' in json.dumps([stored.get("pre_tokenizer"), stored.get("decoder")]):
        return _read_bytes
    return _read_signs


def _read_bytes(token: str) -> str:
    """Read GPT-2's signs for bytes; a part of a character is read as one that isn't known."""
    values = (BYTES.get(sign) for sign in token)
    return bytes(value for value in values if value is not None).decode("utf-8", "replace")


def _read_signs(token: str) -> str:
    """Read a token that is written as text, but for blanks and for bytes that stand for parts."""
    if found := re.fullmatch(r"<0x([0-9A-F]{2})>", token):
        return bytes([int(found[1], 16)]).decode("utf-8", "replace")
    return token.replace("\u2581", " ")


def _signs() -> dict[str, int]:
    """GPT-2's sign for each byte: what Latin-1 prints stands for itself, the rest from 256 on.

    >>> _signs()["\u0120"], _signs()["a"]
    (32, 97)
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [value for value in range(256) if value not in printed]
    return {chr(value): value for value in printed} | {
        chr(256 + number): value for number, value in enumerate(rest)
    }


BYTES = _signs()
