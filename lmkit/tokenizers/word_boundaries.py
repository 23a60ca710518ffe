"""The word boundaries in a sequence of tokens.

Choices:
- A word is a run of letters and digits, or one of other characters, with the white space before it.
  Whether a token continues a word depends on how it begins and how the previous one ended, so two
  small tables over the vocabulary are enough for any sequence.
- Tokens of bytes (GPT-2's characters) and SentencePiece's U+2581 are decoded as the text they
  represent. WordPiece marks continuations with ##; in a vocabulary of words every token is a word.
- A part of a character in UTF-8 counts as a letter: it usually is one.
- In scripts that don't separate words by spaces, a word is as long as the text between punctuation.

Shapes: B sequences, T positions, V vocabulary.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.tokenizers.tokenizer import Tokenizer

SPACE, LETTER, OTHER, BORDER = range(4)
"""What a token begins or ends with; BORDER always separates words."""

PART_OF_A_CHARACTER = "\N{REPLACEMENT CHARACTER}"


class WordBoundaries:
    """Groups tokens into words, given the text of each token; None for a token that isn't text.

    >>> words = WordBoundaries(["The", " cat", "s", "."])
    >>> words.word_starts(np.array([[0, 1, 2, 3]]), np.ones((1, 4), np.int32)).tolist()
    [[0, 1, 1, 3]]
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._begins_V = np.array([_kind(text[0]) if text else BORDER for text in texts])
        self._ends_V = np.array([_end(text) if text else BORDER for text in texts])

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "WordBoundaries":
        """Return the words of a tokenizer's vocabulary."""
        return cls(token_texts(tokenizer))

    def word_starts(
        self, tokens_BT: NDArray[np.int64], documents_BT: NDArray[np.int32]
    ) -> NDArray[np.int64]:
        """Return for each position the position where its word begins, within its document."""
        starts_BT = np.ones(tokens_BT.shape, np.bool_)
        begin_BT, end_BT = self._begins_V[tokens_BT[:, 1:]], self._ends_V[tokens_BT[:, :-1]]
        starts_BT[:, 1:] = (begin_BT == BORDER) | ((end_BT != SPACE) & (begin_BT != end_BT))
        starts_BT[:, 1:] |= documents_BT[:, 1:] != documents_BT[:, :-1]
        columns_T = np.arange(tokens_BT.shape[1])
        return np.maximum.accumulate(np.where(starts_BT, columns_T, 0), axis=1)


def token_texts(tokenizer: Tokenizer) -> list[str | None]:
    """Return the text of each token, with the space before a word; None if it isn't text."""
    decode = _decoder(tokenizer.stored)
    special = frozenset(tokenizer.special.tolist())
    tokens = [tokenizer.text_of(number) for number in range(tokenizer.size)]
    return [
        None if token is None or number in special else decode(token)
        for number, token in enumerate(tokens)
    ]


def _kind(character: str) -> int:
    if character.isspace():
        return SPACE
    is_letter = unicodedata.category(character)[0] in "LNM" or character in {
        "_",
        PART_OF_A_CHARACTER,
    }
    return LETTER if is_letter else OTHER


def _end(text: str) -> int:
    """Spaces belong to the next word, except those after another word in the same token.

    >>> [_end(text) == SPACE for text in (" ", "a ")]
    [True, False]
    """
    kind = _kind(text[-1])
    return BORDER if kind == SPACE and not text.isspace() else kind


def _decoder(stored: dict[str, Any]) -> Callable[[str], str]:
    """Return a function that decodes the tokens of a tokenizer.json to text."""
    model: dict[str, Any] = stored["model"]
    if model["type"] == "WordLevel":
        return lambda token: f" {token}"
    if model["type"] == "WordPiece":
        prefix: str = model.get("continuing_subword_prefix") or "##"
        return lambda token: token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"
    if '"ByteLevel"' in json.dumps([stored.get("pre_tokenizer"), stored.get("decoder")]):
        return _decode_bytes
    return _decode_characters


def _decode_bytes(token: str) -> str:
    """Decode GPT-2's characters for bytes; a part of a character becomes U+FFFD."""
    values = (BYTES.get(character) for character in token)
    return bytes(value for value in values if value is not None).decode("utf-8", "replace")


def _decode_characters(token: str) -> str:
    """Decode a token that is written as text, except for spaces and byte tokens."""
    if found := re.fullmatch(r"<0x([0-9A-F]{2})>", token):
        return bytes([int(found[1], 16)]).decode("utf-8", "replace")
    return token.replace("\u2581", " ")


def _byte_characters() -> dict[str, int]:
    """GPT-2's characters for bytes: printable Latin-1 unchanged, the rest from 256 on.

    >>> _byte_characters()["\u0120"], _byte_characters()["a"]
    (32, 97)
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [value for value in range(256) if value not in printed]
    return {chr(value): value for value in printed} | {
        chr(256 + number): value for number, value in enumerate(rest)
    }


BYTES = _byte_characters()
