"""Numbers for distinct strings: a hash table that looks up a hundred thousand strings at once.

Choices:
- A string of up to 15 bytes is two 64-bit integers: eight bytes; seven more, and the length. Two
  strings are equal if and only if those are, so nothing depends on a hash being unique. Longer
  ones, one chunk of text in a hundred, are looked up in a dictionary.
- Collisions go to the next slot (linear probing); at least half of the slots are free. All strings
  probe at the same time; of new ones that meet in a slot, the one written last has it.
- A dictionary of Python strings takes some 300 ns per different chunk and batch (it makes the
  string, and finds it), and more than a microsecond for a new one; this takes 30 ns for each chunk.
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.filters.byte_strings import Bytes, ByteStrings, Ints

MAX_LENGTH = 15
"""Bytes of a string in two integers."""
BLOCK = 1 << 17
"""Strings looked up at once: the free slots must suffice if all of them are new."""
FEWEST_SLOTS = 1 << 14

Integers = NDArray[np.uint64]
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_LENGTHS = range(MAX_LENGTH + 1)
_LOW_MASK = np.array([(1 << 8 * min(length, 8)) - 1 for length in _LENGTHS], np.uint64)
_HIGH_MASK = np.array([(1 << 8 * max(length - 8, 0)) - 1 for length in _LENGTHS], np.uint64)
_SIZE = np.array([length << 56 for length in _LENGTHS], np.uint64)
"""By length: the bits of the integers that belong to the string; the length, as the last byte."""
_HALF = np.uint64(32)


class StringNumbers:
    """Gives each different string a number: 0, 1, 2, ..."""

    def __init__(self) -> None:
        self._count = 0
        self._long: dict[bytes, int] = {}
        self._number = np.full(FEWEST_SLOTS, -1, np.int64)  # of the string in each slot
        self._low, self._high = np.zeros((2, FEWEST_SLOTS), np.uint64)

    def __len__(self) -> int:
        """Count the different strings so far."""
        return self._count

    def of(self, strings: ByteStrings) -> Ints:
        """Return the number of each string; a new one gets the next number.

        >>> from lmkit.filters.byte_strings import byte_strings
        >>> numbers = StringNumbers().of(byte_strings(["a", "b", "a"]))
        >>> bool(numbers[0] == numbers[2] != numbers[1])
        True
        """
        numbers = np.empty(len(strings.starts), np.int64)
        for start in range(0, len(numbers), BLOCK):
            part = slice(start, start + BLOCK)
            starts, lengths = strings.starts[part], strings.lengths[part]
            numbers[part] = self._of_keys(*_keys(strings.data, starts, lengths))
        long = np.flatnonzero(strings.lengths > MAX_LENGTH)
        numbers[long] = self._of_long(strings.take(long))
        return numbers

    def _of_long(self, strings: ByteStrings) -> list[int]:
        numbers: list[int] = []
        for string in strings.tolist():
            number = self._long.get(string)
            if number is None:
                number = self._long[string] = self._count
                self._count += 1
            numbers.append(number)
        return numbers

    def _of_keys(self, low: Integers, high: Integers) -> Ints:
        self._reserve(len(low))
        slot = self._first_slot(low, high)
        numbers = self._number[slot]
        is_other = (numbers < 0) | (self._low[slot] != low) | (self._high[slot] != high)
        others = np.flatnonzero(is_other)
        slot, low, high = slot[others], low[others], high[others]
        while len(others):
            free = self._number[slot] < 0
            self._count += self._insert(slot[free], low[free], high[free], self._count)
            same = (self._low[slot] == low) & (self._high[slot] == high)
            numbers[others[same]] = self._number[slot[same]]
            others, low, high = others[~same], low[~same], high[~same]
            slot = (slot[~same] + 1) & (len(self._number) - 1)
        return numbers

    def _insert(self, slot: Ints, low: Integers, high: Integers, first_number: int) -> int:
        """Put one key into each of some free slots, which may occur several times."""
        order = np.arange(len(slot))
        self._number[slot] = order
        last = self._number[slot] == order
        slot = slot[last]
        self._number[slot] = first_number + np.arange(len(slot))
        self._low[slot], self._high[slot] = low[last], high[last]
        return len(slot)

    def _first_slot(self, low: Integers, high: Integers) -> Ints:
        mixed = low * _MULTIPLIERS[0] ^ high * _MULTIPLIERS[1]
        mixed ^= mixed >> _HALF
        mixed *= _MULTIPLIERS[0]
        bits = len(self._number).bit_length() - 1
        return (mixed >> np.uint64(64 - bits)).astype(np.int64)

    def _reserve(self, count: int) -> None:
        """Make place for some more strings."""
        size = len(self._number)
        while size < 2 * (self._count + count):
            size *= 2
        if size == len(self._number):
            return
        used = np.flatnonzero(self._number >= 0)
        used = used[np.argsort(-self._number[used])]  # the first strings, often common ones, win
        numbers, low, high = self._number[used], self._low[used], self._high[used]
        self._number = np.full(size, -1, np.int64)
        self._low, self._high = np.zeros((2, size), np.uint64)
        slot = self._first_slot(low, high)
        while len(slot):
            free = np.flatnonzero(self._number[slot] < 0)
            self._insert(slot[free], low[free], high[free], 0)
            same = (self._low[slot] == low) & (self._high[slot] == high)
            self._number[slot[same]] = numbers[same]
            slot = (slot[~same] + 1) & (size - 1)
            numbers, low, high = numbers[~same], low[~same], high[~same]


def _keys(data: Bytes, starts: Ints, lengths: Ints) -> tuple[Integers, Integers]:
    """Return two integers for each string: of a longer one, those of the empty string."""
    at_each_byte = np.ndarray(len(data) - 15, "V16", data, strides=(1,))
    integers = at_each_byte[starts].view("<u8")
    lengths = np.where(lengths <= MAX_LENGTH, lengths, 0)
    return integers[::2] & _LOW_MASK[lengths], integers[1::2] & _HIGH_MASK[lengths] | _SIZE[lengths]
