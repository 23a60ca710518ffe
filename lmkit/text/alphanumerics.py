"""The letters and digits of a text as a sequence of bytes, without the characters between them.

Choices:
- Letter case, accents, punctuation, white space and line breaks don't count: "don't", "DON T" and
  "dont" are the same letters, and so is a word that was hyphenated at the end of a line.
- A letter is one byte: ASCII letters and digits are themselves, any other is one of 128 values.
  Bytes are quick to compare; over the dozens of letters of a passage, it does not happen that two
  different ones have the same bytes.
- A word begins at a letter with none right before it. In scripts that are written without spaces,
  each character is a word.
"""

import unicodedata
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.text.unspaced_scripts import UNSPACED

Bytes = NDArray[np.uint8]
BLOCK = 256
PREPARED = 0x10000


class Letters(NamedTuple):
    """The letters of a text."""

    data: Bytes
    """A byte for each letter."""
    positions: NDArray[np.int64]
    """The character offset of each letter in the text."""
    begins: NDArray[np.bool_]
    """Whether a word begins at the letter."""

    @property
    def words(self) -> NDArray[np.int64]:
        """Return the letter offset at which each word begins."""
        return np.flatnonzero(self.begins)


def letters(text: str) -> Letters:
    """Extract the letters of a text.

    >>> found = letters("It's a Café.")
    >>> bytes(found.data), found.positions[-1], found.words
    (b'itsacafe', np.int64(10), array([0, 2, 3, 4]))
    """
    is_word = None
    if text.isascii():
        _prepare(0)
        mapped = _LETTERS.take(np.frombuffer(text.encode(), np.uint8))
    else:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        highest = int(codes.max())
        _prepare(min(highest, PREPARED - 1))
        mapped = _LETTERS.take(codes, mode="clip")
        if highest >= PREPARED:
            beyond = np.flatnonzero(codes >= PREPARED)
            mapped[beyond] = [_letter(chr(code)) for code in codes[beyond].tolist()]
        if highest >= UNSPACED[0][0]:
            is_word = _IS_UNSPACED.take(codes, mode="clip")
    is_letter = mapped != 0
    begins = is_letter.copy()
    begins[1:] &= ~is_letter[:-1]
    if is_word is not None and is_word.any():
        begins |= is_word & is_letter
        begins[1:] |= is_word[:-1] & is_letter[1:]
    positions = np.flatnonzero(is_letter)
    return Letters(mapped.take(positions), positions, begins.take(positions))


_LETTERS = np.zeros(PREPARED, np.uint8)
_IS_UNSPACED = np.zeros(UNSPACED[-1][1] + 1, np.bool_)
for _first, _stop in UNSPACED:
    _IS_UNSPACED[_first:_stop] = True
_prepared = 0


def _prepare(code: int) -> None:
    """Fill the table up to a code point; all of it would take a tenth of a second."""
    global _prepared
    if code >= _prepared:
        stop = (code // BLOCK + 1) * BLOCK
        _LETTERS[_prepared:stop] = [_letter(chr(each)) for each in range(_prepared, stop)]
        _prepared = stop


def _letter(character: str) -> int:
    """Return the byte of a character, 0 for what is neither a letter nor a digit."""
    if not character.isalnum():
        return 0
    base = next(filter(str.isalnum, unicodedata.normalize("NFKD", character.casefold())), character)
    code = ord(base)
    return code if code < 128 else 128 | (code * 0x9E37 >> 7) % 128
