"""Repeated runs of words, counted for many documents at once.

Choices:
- Numbers stand for words, and arrays for documents laid end to end; a batch of about half a
  million characters keeps the arrays in the processor's cache.
- Equal n-grams are neighbours after sorting a hash of (group of the n-1-gram, last word), with the
  place in the low bits. Neighbours are compared for true equality, so a false friend is seen.
- An n+1-gram can repeat only where two repeated n-grams follow each other, so the arrays shrink.
- datatrove joins the words of a duplicated n-gram without a blank, so that ". .." equals ".. .";
  here words must be equal.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
TOP = (2, 3, 4)
"""Of these lengths the most frequent n-gram is measured (Rae et al. 2021, table A1)."""
DUPLICATED = (5, 6, 7, 8, 9, 10)
"""Of these lengths, all that came before."""
SALTS = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
MIX = np.uint64(0xC2B2AE3D27D4EB4F)
PACKED = 21
"""Bits of the key that may hold a place; with more, too few are left for the hash."""


def repeated_pairs(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Find the pairs that occur more than once.

    Returns their places, sorted by pair and then by place, and where in them each pair begins.

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
        if count >> PACKED:
            order = np.argsort(key, kind="stable")
            same = np.diff(key[order]) == 0
        else:
            packed = (key & ~low) | np.arange(count, dtype=np.uint64)
            packed.sort()
            order = (packed & low).astype(np.int64)
            same = (packed[1:] ^ packed[:-1]) <= low
        at = np.flatnonzero(same)
        here, there = order[at], order[at + 1]
        if np.array_equal(first[here], first[there]) and np.array_equal(
            second[here], second[there]
        ):
            break
    else:  # slower, and exact whatever the hashes
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
    """Count the characters that lie in repeated n-grams, for each n of `TOP` and `DUPLICATED`.

    `words` are the numbers of the words of all documents, `lengths` their characters,
    `document_of` the document of each; `start` and `count` say where each document's words begin
    and how many there are; every document has one at least.

    For the most frequent n-gram it is its characters, blanks between the words included, times
    its occurrences, even a single one (the first of equals). Of the duplicated ones a scan from
    left to right counts those that it has met before, without blanks, and jumps over them.
    """
    documents, total = len(start), len(words)
    before = np.zeros(total + 1, np.int64)
    np.cumsum(lengths, out=before[1:])
    found: dict[int, Ints] = {}
    inside = np.ones(total, bool)
    inside[start + count - 1] = False
    place = np.flatnonzero(inside)
    group = (document_of[place] << 32) | words[place]
    for n in range(2, DUPLICATED[-1] + 1):
        rows, begins = repeated_pairs(group, words[place + n - 1]) if len(place) else (place, place)
        repeated = place[rows]
        if n in TOP:
            found[n] = _most_frequent(n, repeated, begins, document_of, start, count, before)
        which = np.zeros(len(repeated), np.int64)
        which[begins[1:]] = 1
        np.cumsum(which, out=which)
        repeated, which = _in_text_order(repeated, which, total)
        if n in DUPLICATED:
            hits = _met_before(n, repeated, which)
            weights = before[hits + n] - before[hits]
            found[n] = np.bincount(document_of[hits], weights, documents).astype(np.int64)
        follow = np.flatnonzero(np.diff(repeated) == 1)
        place, group = repeated[follow], which[follow]
    return found


def _most_frequent(
    n: int, repeated: Ints, begins: Ints, document_of: Ints, start: Ints, count: Ints, before: Ints
) -> Ints:
    """Measure each document's most frequent n-gram; where none repeats, its first."""
    score = np.zeros(len(start), np.int64)
    first = repeated[begins]
    occurrences = np.diff(np.append(begins, len(repeated)))
    np.maximum.at(score, document_of[first], (occurrences << 40) - first)
    got = score > 0
    times, where = np.ones(len(start), np.int64), start.copy()
    times[got] = (score[got] + (1 << 40) - 1) >> 40
    where[got] = (times[got] << 40) - score[got]
    characters = np.zeros(len(start), np.int64)
    enough = count >= n
    at = where[enough]
    characters[enough] = (before[at + n] - before[at] + n - 1) * times[enough]
    return characters


def _in_text_order(places: Ints, which: Ints, total: int) -> tuple[Ints, Ints]:
    if len(places) * 8 > total:
        group_at = np.full(total, -1, np.int64)
        group_at[places] = which
        ordered = np.flatnonzero(group_at >= 0)
        return ordered, group_at[ordered]
    order = np.argsort(places)
    return places[order], which[order]


def _met_before(n: int, repeated: Ints, which: Ints) -> Ints:
    """Scan for n-grams that were met before; only repeated ones can change what the scan knows."""
    hits: list[int] = []
    met: set[int] = set()
    free = 0
    for place, group in zip(repeated.tolist(), which.tolist(), strict=True):
        if place >= free:
            if group in met:
                hits.append(place)
                free = place + n
            else:
                met.add(group)
    return np.array(hits, np.int64)
