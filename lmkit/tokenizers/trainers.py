"""What the algorithms that train a tokenizer have in common."""

from collections import Counter
from collections.abc import Iterable, Iterator

import tokenizers
from tokenizers import trainers

from lmkit.errors import InputError
from lmkit.execution.interruptible import interruptible
from lmkit.text.surrogates import well_formed

MIN_FREQUENCY = 2
"""bpe merges no pair that occurs less often: such a token would almost never be trained."""

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""Tokens for the bytes of characters that are not in the vocabulary."""


class NotEmpty:
    """Texts as valid UTF-8, without the empty ones; raises InputError if there are none."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts

    def __iter__(self) -> Iterator[str]:
        empty = True
        for text in self._texts:
            if text:
                empty = False
                yield well_formed(text)
        if empty:
            raise no_text_error()


def no_text_error() -> InputError:
    """Return the error for texts that are all empty."""
    return InputError(
        "there is no text to train a tokenizer on: all documents are empty",
        "check what the previous stage dropped, and why",
    )


def as_added_tokens(texts: Iterable[str]) -> list[tokenizers.AddedToken]:
    """Return special tokens as the library's AddedToken."""
    return [tokenizers.AddedToken(text, special=True, normalized=False) for text in texts]


def train_model(
    tokenizer: tokenizers.Tokenizer, texts: Iterable[str], trainer: trainers.Trainer
) -> None:
    """Train a model of the library on texts."""
    interruptible(lambda stoppable: tokenizer.train_from_iterator(stoppable(texts), trainer))


def by_frequency(counts: Counter[str]) -> list[str]:
    """Sort by decreasing frequency, then by text.

    >>> by_frequency(Counter("banana"))
    ['a', 'n', 'b']
    """
    return sorted(counts, key=lambda text: (-counts[text], text))
