"""The sample of a corpus that a tokenizer is trained on: a given number of bytes, even by source.

Choices:
- Even means that all sources contribute the same number of bytes, or all they have if that is less:
  otherwise a single big source would dominate, and the words of the others would be split into
  characters.
- The unit of sampling is a piece of a document, of about 16,000 characters: a document may be
  larger than the entire sample. A piece ends at a line break, else at a space.
- A piece is sampled if the hash of its document's id and of its index is below its source's limit.
  So the sample depends neither on the order of files nor on workers, and a smaller one is a subset
  of a larger one.
- The limits are computed from sizes summed by hash, in classes half a percent wide for any corpus
  size: a few hundred numbers per source. The sample never exceeds the given size; memory depends
  only on the number of sources, for a corpus that is read twice.

Legend: a key is a hash of 64 bits; a class holds the keys that share their first nine bits from
the highest one set.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from lmkit.text.digests import document_key

PIECE_CHARACTERS = 16_000
CLASS_BITS = 8
ALL = 1 << 64
"""A limit that every key is below."""

Sizes = dict[str, Counter[int]]
"""Bytes of text by source and class."""


def pieces(text: str, max_characters: int = PIECE_CHARACTERS) -> Iterator[str]:
    r"""Split a text into pieces of at most `max_characters`, which together are the text.

    >>> list(pieces("one\ntwo three", 6)), list(pieces("abcdefgh", 6))
    (['one\n', 'two ', 'three'], ['abcdef', 'gh'])
    """
    start = 0
    while len(text) - start > max_characters:
        stop = start + max_characters
        end = text.rfind("\n", start, stop) + 1 or text.rfind(" ", start, stop) + 1 or stop
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def keyed_pieces(seed: int, id: str, text: str) -> Iterator[tuple[int, str]]:  # noqa: A002
    """Split the text of the document with this id into pieces, and hash them."""
    for number, piece in enumerate(pieces(text)):
        yield document_key(seed, f"{number}:{id}"), piece


def class_of(key: int) -> int:
    """Return the class of a key; classes are in the order of the keys.

    >>> class_of(0), class_of(1) < class_of(2**63) < class_of(2**64 - 1)
    (0, True)
    """
    length = key.bit_length()
    shift = max(0, length - 1 - CLASS_BITS)
    return (shift << (CLASS_BITS + 1)) + (key >> shift)


def smallest_key(number: int) -> int:
    """Return the smallest key of a class.

    >>> smallest_key(class_of(2**63)) == 2**63
    True
    """
    shift, head = divmod(number, 1 << (CLASS_BITS + 1))
    return head << shift


def total(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> Sizes:
    """Sum the sizes that tasks have recorded; in JSON a class is a string."""
    sizes: Sizes = {}
    for part in parts:
        for source, by_class in part.items():
            counts = sizes.setdefault(source, Counter())
            for number, size in by_class.items():
                counts[int(number)] += size
    return sizes


def limits(sizes: Sizes, max_characters: int | None) -> dict[str, int]:
    """Return by source the key below which its pieces are sampled, `max_characters` bytes in total.

    >>> big = Counter({class_of(2**62): 60, class_of(2**63): 40})
    >>> limits({"big": big, "small": Counter({5: 9})}, 80) == {"big": 2**63, "small": ALL}
    True
    """
    allocated = even_allocation(
        {source: by_class.total() for source, by_class in sizes.items()}, max_characters
    )
    found: dict[str, int] = {}
    for source, by_class in sizes.items():
        left, found[source] = allocated[source], ALL
        for number in sorted(by_class):
            left -= by_class[number]
            if left < 0:
                found[source] = smallest_key(number)
                break
    return found


def even_allocation(sizes: Mapping[str, int], max_characters: int | None) -> dict[str, int]:
    """Allocate `max_characters` bytes: the same for all sources, or all they have if that is less.

    >>> even_allocation({"web": 1_000, "books": 300, "wiki": 50}, 500)
    {'web': 225, 'books': 225, 'wiki': 50}
    """
    allocation = dict(sizes)
    if max_characters is None or sum(sizes.values()) <= max_characters:
        return allocation
    left = max_characters
    by_size = sorted(sizes, key=lambda source: sizes[source])
    for position, source in enumerate(by_size):
        equal = left // (len(by_size) - position)
        allocation[source] = min(sizes[source], equal)
        left -= allocation[source]
    return allocation
