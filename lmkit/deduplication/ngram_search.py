"""Finding the items of test sets in training text.

Choices:
- A text is contaminated by an item if both share a run of words, 13 by default as in GPT-3 (Brown
  et al. 2020, appendix C); an item with fewer words must be there as a whole. Other tools never
  find those: half of BLiMP's sentences have seven words at most.
- What is compared are letters (`lmkit.text.letters`): case, punctuation and line breaks don't
  count, nor do the borders of words, except where a run begins and ends.
- Items of two or three words are found by chance in any library ("Mark won" is part of many a
  sentence). They count only where they stand as they are written, or as a sentence of their own.
  What is a single word, or has fewer than six letters, isn't looked for, and is counted.
- The first letters of each run are its anchor: 24, or 12, or 6 where it has no more. All words of
  a text are looked up among the anchors at once, by a table of bits and then by a search; what is
  left is compared letter by letter. So memory is some 30 bytes for each word of the test sets,
  and none for the text that is searched.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.text.alphanumerics import Bytes, Letters, letters

ANCHORS = (24, 12, 6)
"""Letters that are looked up; the least is the shortest item that is looked for."""
CHANCE_WORDS = 3
"""Items of up to so many words turn up by chance."""
SENTENCE_ENDS = ".!?:;…\n"
AROUND = " \t\"'“”‘’()[]«»*_"  # noqa: RUF001 (these marks are meant)
"""What may stand between a sentence and the mark that ends the one before."""

Keys = NDArray[np.uint64]


class Found(NamedTuple):
    """A passage that a text shares with an item."""

    item: int
    """The number of the item's text."""
    start: int
    stop: int
    """In characters of the text."""
    words: int


@dataclass(frozen=True)
class Anchors:
    """The runs that begin with so many letters, in the order of their keys."""

    size: int
    keys: Keys
    item: NDArray[np.int64]
    start: NDArray[np.int64]
    """Its first letter in the letters of all items."""
    length: NDArray[np.int64]
    last: Keys
    """A key of its last letters."""
    count: NDArray[np.int64]
    """How many runs have the same key from here on."""
    maybe: NDArray[np.bool_]
    """Whether there may be a key with these low bits."""

    def look_up(self, text: Letters, eights: Keys) -> Iterator[tuple[int, int]]:
        """Yield at which letters a run may begin, and the number of that run here."""
        words = text.words
        words = words[: np.searchsorted(words, len(text.data) - self.size, "right")]
        keys = _keys(eights, words, self.size)
        some = np.flatnonzero(
            self.maybe.take((keys & np.uint64(len(self.maybe) - 1)).view(np.int64))
        )
        keys = keys.take(some)
        first = np.searchsorted(self.keys, keys)
        true = self.keys.take(first, mode="clip") == keys
        place, first = words.take(some)[true], first[true]
        # Many runs may share a key; each is compared by its last letters as well.
        count = self.count.take(first)
        place = np.repeat(place, count)
        run = np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(place))
        stop = place + self.length.take(run)
        ends = stop <= len(text.data)
        ends[ends] = _keys(eights, stop[ends] - ANCHORS[-1], ANCHORS[-1]) == self.last[run[ends]]
        return zip(place[ends].tolist(), run[ends].tolist(), strict=True)


class Items:
    """The texts of the items of test sets, ready to be looked for."""

    def __init__(self, data: Bytes, size: int, anchors: Sequence[Anchors]) -> None:
        self._data = data
        self._size = size
        self._anchors = anchors

    @classmethod
    def of(cls, texts: Sequence[str], size: int = 13) -> "tuple[Items, list[int]]":
        """Prepare texts to be looked for by runs of `size` words.

        Returns also the numbers of those that are too short for it.
        """
        found, borders = _joined(texts)
        words = found.words
        first = np.searchsorted(words, borders)
        number = np.repeat(np.arange(len(texts)), np.diff(first))
        count = np.diff(first)[number]  # words of the text that each word is in
        width = np.minimum(count, size)
        last = np.arange(len(words)) + width  # the word behind the run that begins here
        fits = last <= first[1:][number]
        long_enough = (np.diff(first) >= 2) & (np.diff(borders) >= ANCHORS[-1])
        begins = np.flatnonzero(fits & long_enough[number])
        number, last = number[begins], last[begins]
        ends = np.append(words, len(found.data))
        stops = np.minimum(ends[last], borders[1:][number])
        runs = np.stack([number, words[begins], stops - words[begins]])
        data = np.append(found.data, np.zeros(8, np.uint8))
        return cls(data, size, _anchors(data, runs)), np.flatnonzero(~long_enough).tolist()

    def save(self, file: BinaryIO) -> None:
        """Write them to a file."""
        runs = [np.stack([each.item, each.start, each.length]) for each in self._anchors]
        table = np.concatenate([np.zeros((3, 0), np.int64), *runs], axis=1)
        np.savez(file, allow_pickle=False, data=self._data, size=np.array(self._size), runs=table)

    @classmethod
    def load(cls, path: Path) -> "Items":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            data, size, table = arrays["data"], int(arrays["size"]), arrays["runs"]
        return cls(data, size, _anchors(data, table))

    def find(
        self, texts: Sequence[str], written: Callable[[int], str] | None = None
    ) -> list[list[Found]]:
        r"""Return the passages that each text shares with items, by item and place.

        `written` tells the text of an item. Some hundred thousand characters in one call are
        searched much faster than one by one.

        >>> items, _ = Items.of(["The cat sat down."])
        >>> items.find(["It was late: THE CAT\nsat -- down!"])
        [[Found(item=0, start=13, stop=32, words=4)]]
        """
        found, borders = _joined(texts)
        padded = np.append(found.data, np.zeros(8, np.uint8))
        eights = _eights(padded)
        spans: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for anchors in self._anchors:
            for place, run in anchors.look_up(found, eights):
                text = int(np.searchsorted(borders, place, "right")) - 1
                start, stop = anchors.start[run], place + int(anchors.length[run])
                if (
                    stop <= borders[text + 1]
                    and (stop == borders[text + 1] or found.begins[stop])
                    and np.array_equal(padded[place:stop], self._data[start : start + stop - place])
                ):
                    spans.setdefault((text, int(anchors.item[run])), []).append((place, stop))
        result: list[list[Found]] = [[] for _ in texts]
        offset = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
        for text, item in sorted(spans):
            for start, stop in _merged(spans[text, item]):
                one = Found(
                    item,
                    int(found.places[start]) - offset[text],
                    int(found.places[stop - 1]) + 1 - offset[text],
                    int(found.begins[start:stop].sum()),
                )
                chance = one.words <= CHANCE_WORDS < self._size and written
                if not chance or _meant(texts[text], one, chance(item)):
                    result[text].append(one)
        return result


def _joined(texts: Sequence[str]) -> tuple[Letters, NDArray[np.int64]]:
    """Return the letters of all texts, and at which letter each begins; at last, their number."""
    found = letters("\n".join(texts))
    begins = np.cumsum([0, *(len(text) + 1 for text in texts)])
    return found, np.searchsorted(found.places, begins)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that overlap or touch.

    >>> _merged([(5, 9), (0, 3), (2, 4)])
    [(0, 4), (5, 9)]
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return joined


def _meant(text: str, found: Found, written: str) -> bool:
    """Tell whether a few words are there as they were written, or as a whole sentence."""
    if text.startswith(written.strip(), found.start) or written.strip() in text:
        return True
    before = text[max(0, found.start - 80) : found.start].rstrip(AROUND)
    behind = text[found.stop : found.stop + 80].lstrip(AROUND)
    begins = not before or before[-1] in SENTENCE_ENDS
    return begins and (not behind or behind[0] in SENTENCE_ENDS)


def _anchors(data: Bytes, table: NDArray[np.int64]) -> list[Anchors]:
    """Sort runs (item, start, length) by how many letters they have, and by their keys."""
    made: list[Anchors] = []
    least = dict(zip(ANCHORS, (1 << 62, *ANCHORS[:-1]), strict=True))
    eights = _eights(data)
    for size in ANCHORS:
        runs = table[:, (table[2] >= size) & (table[2] < least[size])]
        if not runs.shape[1]:
            continue
        keys = _keys(eights, runs[1], size)
        order = np.argsort(keys, kind="stable")
        keys, (item, start, length) = keys[order], runs[:, order]
        last = _keys(eights, start + length - ANCHORS[-1], ANCHORS[-1])
        count = np.searchsorted(keys, keys, "right") - np.arange(len(keys))
        maybe = np.zeros(1 << max(16, (16 * len(keys)).bit_length()), np.bool_)
        maybe[keys & np.uint64(len(maybe) - 1)] = True
        made.append(Anchors(size, keys, item, start, length, last, count, maybe))
    return made


def _eights(padded: Bytes) -> Keys:
    """Return the eight bytes from every place on, as one number: a look-up takes eight letters."""
    return np.ndarray((max(0, len(padded) - 7),), "<u8", padded.tobytes(), strides=(1,))


def _keys(eights: Keys, at: NDArray[np.int64], size: int) -> Keys:
    """Return a hash of the `size` letters from each place on."""
    keys = np.full(len(at), size, np.uint64)
    for place in range(0, size, 8):
        part = eights.take(at + place)
        if size - place < 8:
            part &= np.uint64((1 << 8 * (size - place)) - 1)
        keys ^= part
        keys *= np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys
