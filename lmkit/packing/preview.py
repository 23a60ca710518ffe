"""Tokens for people: a tokenized text, and a packed sequence as the documents that it contains."""

from pathlib import Path
from typing import Any

import numpy as np

from lmkit.packing.token_rows import NO_TARGET, TokenSequences
from lmkit.tokenizers.tokenizer import Tokenizer

TEXT = "Once upon a time, in 1984, a naïve cat sat on the mat."
MAX_IDS = 24
MAX_PIECES = 8


def tokenized(tokenizer: Tokenizer, text: str) -> list[dict[str, Any]]:
    """Tokenize a text, and return the tokens with their texts."""
    return [
        {"piece": _piece(tokenizer, number), "id": number}
        for number in tokenizer.encode(text).tolist()
    ]


def special_texts(tokenizer: Tokenizer) -> list[str]:
    """Return the special tokens in the order of their ids, with the sentinels as one entry."""
    sentinels = set(tokenizer.sentinels)
    names = [
        str(tokenizer.text_of(number))
        for number in tokenizer.special.tolist()
        if number not in sentinels
    ]
    if sentinels:
        names.append(f"<extra_id_0...{len(sentinels) - 1}>")
    return names


def preview_sequence(
    packed: Path, split: str, row: int, sequence_length: int, pad: int
) -> list[dict[str, Any]]:
    """Decode the first few pieces of a sequence of a packed folder."""
    tokenizer = Tokenizer.load(packed / "tokenizer")
    rows = TokenSequences.open(packed / split, sequence_length, pad).read(np.array([row]))
    numbers = rows.documents_BT[0]
    pieces: list[dict[str, Any]] = []
    for piece in range(1, int(numbers.max(initial=0)) + 1):
        (positions,) = np.nonzero(numbers == piece)
        ids = rows.tokens_BT[0][positions].tolist()
        continues = rows.following_BT[0][positions[-1]] != NO_TARGET
        pieces.append(
            {
                "piece": f"{piece} of {numbers.max()}",
                "places": f"{positions[0]} to {positions[-1]}",
                "ids": [*ids[:MAX_IDS], *(["..."] if len(ids) > MAX_IDS else [])],
                "text": tokenizer.decode(ids),
                "then": (
                    "the document continues in another sequence"
                    if continues
                    else "the document ends"
                ),
            }
        )
        if len(pieces) == MAX_PIECES:
            break
    padding = int((numbers == 0).sum())
    return [*pieces, *([{"padding": padding, "text": ""}] if padding else [])]


def _piece(tokenizer: Tokenizer, number: int) -> str:
    """Return the text of a token; for a part of a character, its form in the vocabulary."""
    text = tokenizer.decode([number])
    return text if text and "\ufffd" not in text else str(tokenizer.text_of(number))
