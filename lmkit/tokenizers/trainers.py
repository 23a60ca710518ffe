"""What the ways to build a tokenizer have in common."""

from collections import Counter
from collections.abc import Iterable, Iterator

import tokenizers
from tokenizers import trainers

from lmkit.errors import InputError
from lmkit.execution.interruptible import interruptible
from lmkit.text.surrogates import well_formed

MIN_FREQUENCY = 2
"""bpe merges no pair that occurs less often: such a token would hardly ever be trained."""

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""Tokens that stand for a byte of a character that the vocabulary lacks."""


class NotEmpty:
    """Texts as UTF-8 can write them, without the empty ones; that there are none is an error."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts

    def __iter__(self) -> Iterator[str]:
        empty = True
        for text in self._texts:
            if text:
                empty = False
                yield well_formed(text)
        if empty:
            raise nothing_to_learn()


def nothing_to_learn() -> InputError:
    """Return the error for texts that hold nothing."""
    return InputError(
        "there is no text to build a tokenizer from: no document holds anything",
        "see what the stage before has dropped, and why",
    )


def added(texts: Iterable[str]) -> list[tokenizers.AddedToken]:
    """Return special tokens as the library wants them."""
    return [tokenizers.AddedToken(text, special=True, normalized=False) for text in texts]


def learn(tokenizer: tokenizers.Tokenizer, texts: Iterable[str], trainer: trainers.Trainer) -> None:
    """Let the library read texts and learn."""
    interruptible(lambda stoppable: tokenizer.train_from_iterator(stoppable(texts), trainer))


def by_frequency(counts: Counter[str]) -> list[str]:
    """Order by falling frequency, then by text.

    >>> by_frequency(Counter("banana"))
    ['a', 'n', 'b']
    """
    return sorted(counts, key=lambda text: (-counts[text], text))
