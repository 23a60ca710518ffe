"""Repeated word n-grams, counted for many documents at once.

Choices:
- Words are integers, and documents are concatenated into arrays; with batches of about half a
  million characters, the arrays fit into the processor's cache.
- Equal n-grams are adjacent after sorting a hash of (group of the n-1-gram, last word), with the
  position in the low bits. Adjacent ones are compared for equality, so collisions are detected.
- An n+1-gram can repeat only where two repeated n-grams follow each other, so the arrays shrink.
- datatrove joins the words of a duplicated n-gram without a space, so that ". .." equals ".. .";
  here words must be equal.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
TOP = (2, 3, 4)
"""Lengths for which the most frequent n-gram is counted (Rae et al. 2021, table A1)."""
DUPLICATED = (5, 6, 7, 8, 9, 10)
"""Lengths for which all later occurrences are counted."""
SALTS = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
MIX = np.uint64(0xC2B2AE3D27D4EB4F)
MAX_POSITION_BITS = 21
"""Bits of the key that may hold a position; with more, too few are left for the hash."""


def repeated_pairs(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Find the pairs that occur more than once.

    Returns their positions, sorted by pair and then by position, and where each pair begins there.

    >>> repeated_pairs(np.array([1, 2, 1, 3]), np.array([5, 5, 5, 5]))
    (array([0, 2]), array([0]))
    """
    count = len(first)
    low = np.uint64((1 << max(count.bit_length(), 1)) - 1)
    order, same = np.zeros(0, np.int64), np.zeros(0, bool)
    for salt in map(np.uint64, SALTS):
        key = (first.astype(np.uint64) * salt + second.astype(np.uint64)) * MIX
        key ^= key >> np.uint64(29)
        key *= salt
        if count >> MAX_POSITION_BITS:
            order = np.argsort(key, kind="stable")
            same = np.diff(key[order]) == 0
        else:
            packed = (key & ~low) | np.arange(count, dtype=np.uint64)
            packed.sort()
            order = (packed & low).astype(np.int64)
            same = (packed[1:] ^ packed[:-1]) <= low
        at = np.flatnonzero(same)
        left, right = order[at], order[at + 1]
        if np.array_equal(first[left], first[right]) and np.array_equal(
            second[left], second[right]
        ):
            break
    else:  # slower, and exact for any hashes
        order = np.lexsort((second, first))
        same = (np.diff(first[order]) == 0) & (np.diff(second[order]) == 0)
        at = np.flatnonzero(same)
    member = np.zeros(count, bool)
    member[at] = True
    member[at + 1] = True
    begins = member.copy()
    begins[1:] &= ~same
    return order[member], np.flatnonzero(begins[member])


def repeated_characters(
    words: Ints, lengths: Ints, document_of: Ints, start: Ints, count: Ints
) -> dict[int, Ints]:
    """Count the characters in repeated n-grams, for each n of `TOP` and `DUPLICATED`.

    `words` are the numbers of the words of all documents, `lengths` their characters,
    `document_of` the document of each; `start` and `count` are the offset and the number of each
    document's words; every document has at least one.

    For the most frequent n-gram it is its characters, including spaces between the words, times
    its occurrences, even a single one (the first of ties). Of the duplicated ones, a scan from
    left to right counts those that occurred before, without spaces, and skips them.
    """
    documents, total = len(start), len(words)
    before = np.zeros(total + 1, np.int64)
    np.cumsum(lengths, out=before[1:])
    found: dict[int, Ints] = {}
    inside = np.ones(total, bool)
    inside[start + count - 1] = False
    position = np.flatnonzero(inside)
    group = (document_of[position] << 32) | words[position]
    for n in range(2, DUPLICATED[-1] + 1):
        rows, begins = (
            repeated_pairs(group, words[position + n - 1])
            if len(position)
            else (position, position)
        )
        repeated = position[rows]
        if n in TOP:
            found[n] = _most_frequent(n, repeated, begins, document_of, start, count, before)
        group_of = np.zeros(len(repeated), np.int64)
        group_of[begins[1:]] = 1
        np.cumsum(group_of, out=group_of)
        repeated, group_of = _in_text_order(repeated, group_of, total)
        if n in DUPLICATED:
            hits = _later_occurrences(n, repeated, group_of)
            weights = before[hits + n] - before[hits]
            found[n] = np.bincount(document_of[hits], weights, documents).astype(np.int64)
        follow = np.flatnonzero(np.diff(repeated) == 1)
        position, group = repeated[follow], group_of[follow]
    return found


def _most_frequent(
    n: int, repeated: Ints, begins: Ints, document_of: Ints, start: Ints, count: Ints, before: Ints
) -> Ints:
    """Count the characters of each document's most frequent n-gram; if none repeats, its first."""
    score = np.zeros(len(start), np.int64)
    first = repeated[begins]
    occurrences = np.diff(np.append(begins, len(repeated)))
    np.maximum.at(score, document_of[first], (occurrences << 40) - first)
    repeats = score > 0
    times, starts = np.ones(len(start), np.int64), start.copy()
    times[repeats] = (score[repeats] + (1 << 40) - 1) >> 40
    starts[repeats] = (times[repeats] << 40) - score[repeats]
    characters = np.zeros(len(start), np.int64)
    enough = count >= n
    at = starts[enough]
    characters[enough] = (before[at + n] - before[at] + n - 1) * times[enough]
    return characters


def _in_text_order(positions: Ints, group_of: Ints, total: int) -> tuple[Ints, Ints]:
    if len(positions) * 8 > total:
        group_at = np.full(total, -1, np.int64)
        group_at[positions] = group_of
        ordered = np.flatnonzero(group_at >= 0)
        return ordered, group_at[ordered]
    order = np.argsort(positions)
    return positions[order], group_of[order]


def _later_occurrences(n: int, repeated: Ints, group_of: Ints) -> Ints:
    """Scan for n-grams that occurred before; only repeated ones need to be scanned."""
    hits: list[int] = []
    earlier: set[int] = set()
    free = 0
    for position, group in zip(repeated.tolist(), group_of.tolist(), strict=True):
        if position >= free:
            if group in earlier:
                hits.append(position)
                free = position + n
            else:
                earlier.add(group)
    return np.array(hits, np.int64)
