"""Whether two encoders give the same ids: a proof by texts on which libraries differ.

Choices:
- Regular expressions, tables of Unicode and the order of merges are what can differ. So: all code
  points of the assigned planes between a letter, a digit and a space, which decide on their class;
  every sequence of up to three blanks, line breaks, letters, digits and signs; contractions; long
  runs; random strings; every token of the vocabulary, alone and next to others; and special tokens
  as text.
- About 2 MB, a second or two of `tokenizers`. The texts depend on the vocabulary only.
- A text that one of the encoders leaves to the other is equal, whatever it is.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[list[str]], list[NDArray[np.uint32]]]
BLANKS_AND_OTHERS = (" ", "  ", "\t", "\n", "\r", "\r\n", "\x0b", "\x85", "\u00a0", "\u2003", "\u2028", "\u3000", "\u200b", "\ufeff", "\u180e", "a", "A", "é", "e\u0301", "漢", "7", "٣", "½", ".", "'", "_", "-", "😀", "\0")  # fmt: skip
CONTRACTIONS = ("'s", "'S", "'\u017f", "'t", "'T", "'re", "'RE", "'Re", "'ve", "'m", "'ll", "'lL", "'d", "\u2019s", "'\u212a", "''s", "'sa", " 's")  # fmt: skip
RUNS = (" ", "\n", "\r\n", " \n", "\t", "a", "ab", "A", "=", "-", "_", "0", "'s", "é", "漢", "😀", "\u00a0", ". ", "\n ")  # fmt: skip
RUN_CHARACTERS = 3_000
PLANES = (range(0xD800), range(0xE000, 0x20000), range(0x20000, 0x110000, 61))
"""Code points: all of the first two planes, and some of the others, which are ideographs, private
or not assigned."""
CODE_POINTS_IN_A_TEXT = 500
RANDOM_TEXTS = 1_500
MAX_ENTRIES = 60_000
"""Of a bigger vocabulary, entries at equal distances."""
SEED = 20


def first_difference(one: Encode, other: Encode, texts: Sequence[str]) -> str | None:
    """Return the first text that two encoders give other ids; None if there is none."""
    for start in range(0, len(texts), 1_000):
        batch = list(texts[start : start + 1_000])
        for text, a, b in zip(batch, one(batch), other(batch), strict=True):
            if not np.array_equal(a, b):
                return text
    return None


def probe_texts(entries: Sequence[str], special: Sequence[str]) -> list[str]:
    """Return the texts, given the texts of a vocabulary's tokens and those of special ones."""
    parts = (_code_points(), _short_sequences(), _runs(), _random(), _tokens(entries))
    return [text for part in parts for text in part] + list(_special(special))


def _code_points() -> Iterator[str]:
    characters = [chr(point) for points in PLANES for point in points]
    for start in range(0, len(characters), CODE_POINTS_IN_A_TEXT):
        some = characters[start : start + CODE_POINTS_IN_A_TEXT]
        yield "".join(f"x{character}y1 " for character in some)
        yield "".join(some)


def _short_sequences() -> Iterator[str]:
    for length in (1, 2, 3):
        for parts in product(BLANKS_AND_OTHERS, repeat=length - 1):
            for first in BLANKS_AND_OTHERS:
                yield "".join((first, *parts))


def _runs() -> Iterator[str]:
    for unit in (*RUNS, *CONTRACTIONS):
        for length in (5, 100, RUN_CHARACTERS):
            yield f"a{unit * length}"[:RUN_CHARACTERS]
            yield f"{unit * length}"[:RUN_CHARACTERS] + "a"


def _random() -> Iterator[str]:
    generator = random.Random(SEED)
    plain = [*BLANKS_AND_OTHERS, *CONTRACTIONS, *map(chr, range(32, 127))]
    everything = range(0xD800)
    for number in range(RANDOM_TEXTS):
        length = generator.randrange(1, 200)
        if number % 3 == 0:
            yield "".join(generator.choices(plain, k=length))
        elif number % 3 == 1:
            yield "".join(map(chr, generator.choices(everything, k=length // 2)))
        else:
            yield bytes(generator.choices(range(256), k=length)).decode("latin-1")


def _tokens(entries: Sequence[str]) -> Iterator[str]:
    some = list(entries[:: 1 + len(entries) // MAX_ENTRIES])
    yield from some
    random.Random(SEED).shuffle(some)
    for start in range(0, len(some), 200):
        yield "".join(some[start : start + 200])
        yield " ".join(some[start : start + 200])


def _special(special: Sequence[str]) -> Iterator[str]:
    yield "".join(special)
    for token in special:
        yield from (token, f"a {token} b", f"a{token}b\n{token}", token.upper(), token * 3)
