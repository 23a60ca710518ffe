"""Tokens made visible: a text in pieces, and a packed row as the documents that it is made of."""

from pathlib import Path
from typing import Any

import numpy as np

from lmkit.packing.token_rows import NO_TARGET, TokenRows
from lmkit.tokenizers.tokenizer import Tokenizer

TEXT = "Once upon a time, in 1984, a naïve cat sat on the mat."
SHOWN_IDS = 24
SHOWN_PIECES = 8


def cut_text(tokenizer: Tokenizer, text: str) -> list[dict[str, Any]]:
    """Cut a text, and say for each piece which token it is."""
    return [
        {"piece": _piece(tokenizer, number), "id": number}
        for number in tokenizer.encode(text).tolist()
    ]


def special(tokenizer: Tokenizer) -> list[str]:
    """Return the special tokens in the order of their ids, the many sentinels as one."""
    sentinels = set(tokenizer.sentinels)
    names = [
        str(tokenizer.text_of(number))
        for number in tokenizer.special.tolist()
        if number not in sentinels
    ]
    if sentinels:
        names.append(f"<extra_id_0...{len(sentinels) - 1}>")
    return names


def show_row(
    packed: Path, side: str, row: int, sequence_length: int, pad: int
) -> list[dict[str, Any]]:
    """Decode a row of a packed folder, piece by piece: the first few of them."""
    tokenizer = Tokenizer.load(packed / "tokenizer")
    rows = TokenRows.open(packed / side, sequence_length, pad).read(np.array([row]))
    numbers = rows.documents_BT[0]
    pieces: list[dict[str, Any]] = []
    for piece in range(1, int(numbers.max(initial=0)) + 1):
        (places,) = np.nonzero(numbers == piece)
        ids = rows.tokens_BT[0][places].tolist()
        goes_on = rows.following_BT[0][places[-1]] != NO_TARGET
        pieces.append(
            {
                "piece": f"{piece} of {numbers.max()}",
                "places": f"{places[0]} to {places[-1]}",
                "ids": [*ids[:SHOWN_IDS], *(["..."] if len(ids) > SHOWN_IDS else [])],
                "text": tokenizer.decode(ids),
                "then": "the document goes on in another row" if goes_on else "the document ends",
            }
        )
        if len(pieces) == SHOWN_PIECES:
            break
    padding = int((numbers == 0).sum())
    return [*pieces, *([{"padding": padding, "text": ""}] if padding else [])]


def _piece(tokenizer: Tokenizer, number: int) -> str:
    """Return the text of a token; one that is part of a character only has a name."""
    text = tokenizer.decode([number])
    return text if text and "\ufffd" not in text else str(tokenizer.text_of(number))
