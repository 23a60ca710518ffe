"""Search for the items of test sets in training text, by n-grams of words.

Choices:
- A text is contaminated by an item if both share an n-gram of words, n = 13 by default as in GPT-3
  (Brown et al. 2020, appendix C); an item with fewer words must be contained completely. Other
  tools never find those: half of BLiMP's sentences have seven words at most.
- Only letters and digits are compared (`lmkit.text.alphanumerics`): case, punctuation and line
  breaks don't count, nor do word boundaries, except at both ends of an n-gram.
- Items of two or three words occur by chance in any large corpus ("Mark won" is part of many
  sentences). They count only if they occur verbatim, or as a complete sentence. An item that is a
  single word, or has fewer than six letters, isn't searched for, and is counted.
- The first letters of each n-gram are its anchor: 24, or 12, or 6 if it has no more. All words of
  a text are looked up among the anchors at once, first in a bit table and then by binary search;
  the remaining candidates are compared letter by letter. So memory is some 30 bytes for each word
  of the test sets, and none for the text that is searched.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.text.alphanumerics import Bytes, Letters, letters

ANCHORS = (24, 12, 6)
"""Letters that are looked up; the smallest number is the shortest item that is searched for."""
CHANCE_WORDS = 3
"""Items of up to this many words occur by chance."""
SENTENCE_ENDS = ".!?:;…\n"
AROUND = " \t\"'“”‘’()[]«»*_"  # noqa: RUF001 (these characters are intended)
"""What may stand between a sentence and the end of the one before."""

Keys = NDArray[np.uint64]


class Match(NamedTuple):
    """A span that a text shares with an item."""

    item: int
    """Index of the item's text."""
    start: int
    stop: int
    """Character offsets in the text."""
    words: int


@dataclass(frozen=True)
class Anchors:
    """The n-grams whose anchor has this many letters, sorted by key."""

    size: int
    keys: Keys
    item: NDArray[np.int64]
    start: NDArray[np.int64]
    """Offset of its first letter in the letters of all items."""
    length: NDArray[np.int64]
    last: Keys
    """Key of its last letters."""
    count: NDArray[np.int64]
    """How many n-grams have the same key, from this one on."""
    maybe: NDArray[np.bool_]
    """Bit table: whether there may be a key with these low bits."""

    def look_up(self, text: Letters, windows: Keys) -> Iterator[tuple[int, int]]:
        """Yield the letter offsets where an n-gram may begin, with the index of that n-gram."""
        words = text.words
        words = words[: np.searchsorted(words, len(text.data) - self.size, "right")]
        keys = _keys(windows, words, self.size)
        some = np.flatnonzero(
            self.maybe.take((keys & np.uint64(len(self.maybe) - 1)).view(np.int64))
        )
        keys = keys.take(some)
        first = np.searchsorted(self.keys, keys)
        true = self.keys.take(first, mode="clip") == keys
        position, first = words.take(some)[true], first[true]
        # Many n-grams may share a key; each is compared by its last letters as well.
        count = self.count.take(first)
        position = np.repeat(position, count)
        run = np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(position))
        stop = position + self.length.take(run)
        ends = stop <= len(text.data)
        ends[ends] = _keys(windows, stop[ends] - ANCHORS[-1], ANCHORS[-1]) == self.last[run[ends]]
        return zip(position[ends].tolist(), run[ends].tolist(), strict=True)


class Items:
    """The texts of the items of test sets, prepared for the search."""

    def __init__(self, data: Bytes, size: int, anchors: Sequence[Anchors]) -> None:
        self._data = data
        self._size = size
        self._anchors = anchors

    @classmethod
    def of(cls, texts: Sequence[str], size: int = 13) -> "tuple[Items, list[int]]":
        """Prepare texts for a search by n-grams of `size` words.

        Returns also the indices of those that are too short for it.
        """
        found, borders = _joined(texts)
        words = found.words
        first = np.searchsorted(words, borders)
        number = np.repeat(np.arange(len(texts)), np.diff(first))
        count = np.diff(first)[number]  # words of the text that each word is in
        width = np.minimum(count, size)
        last = np.arange(len(words)) + width  # the word after the n-gram that begins here
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
        self, texts: Sequence[str], item_texts: Callable[[int], str] | None = None
    ) -> list[list[Match]]:
        r"""Return the spans that each text shares with items, by item and offset.

        `item_texts` returns the text of an item. Some hundred thousand characters in one call are
        searched much faster than one by one.

        >>> items, _ = Items.of(["The cat sat down."])
        >>> items.find(["It was late: THE CAT\nsat -- down!"])
        [[Match(item=0, start=13, stop=32, words=4)]]
        """
        found, borders = _joined(texts)
        padded = np.append(found.data, np.zeros(8, np.uint8))
        windows = _windows(padded)
        spans: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for anchors in self._anchors:
            for position, run in anchors.look_up(found, windows):
                text = int(np.searchsorted(borders, position, "right")) - 1
                start, stop = anchors.start[run], position + int(anchors.length[run])
                if (
                    stop <= borders[text + 1]
                    and (stop == borders[text + 1] or found.begins[stop])
                    and np.array_equal(
                        padded[position:stop], self._data[start : start + stop - position]
                    )
                ):
                    spans.setdefault((text, int(anchors.item[run])), []).append((position, stop))
        result: list[list[Match]] = [[] for _ in texts]
        offset = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
        for text, item in sorted(spans):
            for start, stop in _merged(spans[text, item]):
                one = Match(
                    item,
                    int(found.positions[start]) - offset[text],
                    int(found.positions[stop - 1]) + 1 - offset[text],
                    int(found.begins[start:stop].sum()),
                )
                may_be_chance = one.words <= CHANCE_WORDS < self._size
                confirm = may_be_chance and item_texts
                if not confirm or _is_verbatim_or_sentence(texts[text], one, confirm(item)):
                    result[text].append(one)
        return result


def _joined(texts: Sequence[str]) -> tuple[Letters, NDArray[np.int64]]:
    """Return the letters of all texts, and the letter offset of each; at last, their number."""
    found = letters("\n".join(texts))
    begins = np.cumsum([0, *(len(text) + 1 for text in texts)])
    return found, np.searchsorted(found.positions, begins)


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


def _is_verbatim_or_sentence(text: str, found: Match, item_text: str) -> bool:
    """Tell whether an item of a few words occurs verbatim, or as a complete sentence."""
    if text.startswith(item_text.strip(), found.start) or item_text.strip() in text:
        return True
    before = text[max(0, found.start - 80) : found.start].rstrip(AROUND)
    after = text[found.stop : found.stop + 80].lstrip(AROUND)
    begins = not before or before[-1] in SENTENCE_ENDS
    return begins and (not after or after[0] in SENTENCE_ENDS)


def _anchors(data: Bytes, table: NDArray[np.int64]) -> list[Anchors]:
    """Sort n-grams (item, start, length) by their number of letters, and by their keys."""
    tables: list[Anchors] = []
    longer = dict(zip(ANCHORS, (1 << 62, *ANCHORS[:-1]), strict=True))
    windows = _windows(data)
    for size in ANCHORS:
        runs = table[:, (table[2] >= size) & (table[2] < longer[size])]
        if not runs.shape[1]:
            continue
        keys = _keys(windows, runs[1], size)
        order = np.argsort(keys, kind="stable")
        keys, (item, start, length) = keys[order], runs[:, order]
        last = _keys(windows, start + length - ANCHORS[-1], ANCHORS[-1])
        count = np.searchsorted(keys, keys, "right") - np.arange(len(keys))
        maybe = np.zeros(1 << max(16, (16 * len(keys)).bit_length()), np.bool_)
        maybe[keys & np.uint64(len(maybe) - 1)] = True
        tables.append(Anchors(size, keys, item, start, length, last, count, maybe))
    return tables


def _windows(padded: Bytes) -> Keys:
    """Return the eight bytes from every offset on, as one number: a look-up takes eight letters."""
    return np.ndarray((max(0, len(padded) - 7),), "<u8", padded.tobytes(), strides=(1,))


def _keys(windows: Keys, at: NDArray[np.int64], size: int) -> Keys:
    """Return a hash of the `size` letters from each offset on."""
    keys = np.full(len(at), size, np.uint64)
    for position in range(0, size, 8):
        part = windows.take(at + position)
        if size - position < 8:
            part &= np.uint64((1 << 8 * (size - position)) - 1)
        keys ^= part
        keys *= np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys
