"""Whether two encoders give the same ids: a proof by texts on which libraries differ.

Choices:
- Regular expressions, tables of Unicode and the order of merges are what can differ. So: all code
  points but those of large uniform blocks, between a letter, a digit and a space, which show their
  class; every sequence of up to three blanks, line breaks, letters, digits and signs; contractions;
  long runs; random strings; every token of the vocabulary between others; special tokens as text.
- About a megabyte, a second of `tokenizers`: few texts, since each has its own cost. They depend on
  the vocabulary only.
- A text that one of the encoders leaves to the other is equal, whatever it is.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[list[str]], list[NDArray[np.uint32]]]
BLANKS = (
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\x0b",
    "\x85",
    "\u00a0",
    "\u2003",
    "\u2028",
    "\u3000",
)
INVISIBLE = ("\u200b", "\ufeff", "\u180e", "\0")
OTHERS = ("a", "A", "é", "e\u0301", "漢", "7", "٣", "½", ".", "'", "_", "-", "😀")
BLANKS_AND_OTHERS = (*BLANKS, *INVISIBLE, *OTHERS)
CONTRACTIONS = (
    *("'s", "'S", "'\u017f", "'t", "'T", "'re", "'RE", "'Re", "'ve", "'m", "'ll", "'lL", "'d"),
    *("\u2019s", "'\u212a", "''s", "'sa", " 's"),
)
RUNS = (
    *(" ", "\n", "\r\n", " \n", "\t", "\u00a0", ". ", "\n ", "a", "ab", "A", "é", "漢"),
    *("=", "-", "_", "0", "'s", "😀"),
)
RUN_CHARACTERS = 2_000
CODE_POINTS = (
    *(range(0x3400), range(0x4DC0, 0x4E00), range(0xA000, 0xAC00), range(0xF900, 0x10000)),
    *(range(0x1D400, 0x1D800), range(0x1F000, 0x1FB00), range(0xE0000, 0xE0200)),
    *(range(0x3400, 0x4DC0, 32), range(0x4E00, 0xA000, 32), range(0xAC00, 0xD800, 32)),
    *(range(0xE000, 0xF900, 64), range(0x10000, 0x20000, 4), range(0x20000, 0x110000, 1_024)),
)
"""All that are not in large blocks of one kind: of ideographs, Hangul, old scripts, private use and
what is not assigned, some are enough."""
CODE_POINTS_IN_A_TEXT = 500
RANDOM_TEXTS = 1_200
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
    characters = [chr(point) for points in CODE_POINTS for point in points]
    for start in range(0, len(characters), CODE_POINTS_IN_A_TEXT):
        some = characters[start : start + CODE_POINTS_IN_A_TEXT]
        yield "".join(f"x{character}1 " for character in some)


def _short_sequences() -> Iterator[str]:
    yield from map("".join, product(BLANKS_AND_OTHERS, repeat=2))
    for first, second in product(BLANKS_AND_OTHERS, repeat=2):
        yield "".join(f"{first}{second}{third}x" for third in BLANKS_AND_OTHERS)


def _runs() -> Iterator[str]:
    for unit in RUNS:
        for length in (20, RUN_CHARACTERS):
            yield (unit * length)[:RUN_CHARACTERS]
            yield "a" + (unit * length)[:RUN_CHARACTERS] + "a"
    yield from (f"it{unit}{other}" for unit in CONTRACTIONS for other in ("", " s", "x"))


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
    random.Random(SEED).shuffle(some)
    for start in range(0, len(some), 200):
        yield ("" if start % 400 else "\n").join(some[start : start + 200])


def _special(special: Sequence[str]) -> Iterator[str]:
    yield "".join(special)
    for token in special:
        yield from (token, f"a {token} b", f"a{token}b\n{token}", token.upper(), token * 3)
