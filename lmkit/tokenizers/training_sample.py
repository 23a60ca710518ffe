"""Which part of a corpus a tokenizer is learned from: a stated number of bytes, evenly by source.

Choices:
- Even means that each source gives the same number of bytes, or all it has where that is less:
  the one big source would drown the others otherwise, and their words would be cut to letters.
- What is drawn is a piece of a document, of about 16,000 characters: a document may be larger than
  the whole sample. A piece ends where a line does, else at a blank.
- A piece is drawn if the hash of its document's id and of its number is below its source's limit.
  So the sample depends neither on the order of files nor on workers, and a smaller one is part of
  a larger one.
- The limits come from sizes added up by hash, in classes half a percent wide whatever the corpus
  measures: a few hundred numbers a source. The sample never exceeds what was stated; the same
  corpus, read twice, needs no more memory than its sources have names.

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


def pieces(text: str, most: int = PIECE_CHARACTERS) -> Iterator[str]:
    r"""Cut a text into pieces of at most `most` characters; together they are the text.

    >>> list(pieces("one\ntwo three", 6)), list(pieces("abcdefgh", 6))
    (['one\n', 'two ', 'three'], ['abcdef', 'gh'])
    """
    start = 0
    while len(text) - start > most:
        stop = start + most
        cut = text.rfind("\n", start, stop) + 1 or text.rfind(" ", start, stop) + 1 or stop
        yield text[start:cut]
        start = cut
    if start < len(text):
        yield text[start:]


def keyed_pieces(seed: int, id: str, text: str) -> Iterator[tuple[int, str]]:  # noqa: A002
    """Cut the text of the document with this id into pieces, and hash each of them."""
    for number, piece in enumerate(pieces(text)):
        yield document_key(seed, f"{number}:{id}"), piece


def class_of(key: int) -> int:
    """Return the class of a key; classes ascend as keys do.

    >>> class_of(0), class_of(1) < class_of(2**63) < class_of(2**64 - 1)
    (0, True)
    """
    length = key.bit_length()
    shift = max(0, length - 1 - CLASS_BITS)
    return (shift << (CLASS_BITS + 1)) + (key >> shift)


def first_of(number: int) -> int:
    """Return the smallest key of a class.

    >>> first_of(class_of(2**63)) == 2**63
    True
    """
    shift, head = divmod(number, 1 << (CLASS_BITS + 1))
    return head << shift


def total(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> Sizes:
    """Add up sizes as tasks have noted them; in JSON a class is a text."""
    sizes: Sizes = {}
    for part in parts:
        for source, by_class in part.items():
            counts = sizes.setdefault(source, Counter())
            for number, size in by_class.items():
                counts[int(number)] += size
    return sizes


def limits(sizes: Sizes, most: int | None) -> dict[str, int]:
    """Return for each source the key below which its pieces are drawn, `most` bytes in all.

    >>> big = Counter({class_of(2**62): 60, class_of(2**63): 40})
    >>> limits({"big": big, "small": Counter({5: 9})}, 80) == {"big": 2**63, "small": ALL}
    True
    """
    share = even_share({source: by_class.total() for source, by_class in sizes.items()}, most)
    found: dict[str, int] = {}
    for source, by_class in sizes.items():
        room, found[source] = share[source], ALL
        for number in sorted(by_class):
            room -= by_class[number]
            if room < 0:
                found[source] = first_of(number)
                break
    return found


def even_share(sizes: Mapping[str, int], most: int | None) -> dict[str, int]:
    """Share out `most` bytes: as much for each source, or all of it where that is less.

    >>> even_share({"web": 1_000, "books": 300, "wiki": 50}, 500)
    {'web': 225, 'books': 225, 'wiki': 50}
    """
    shares = dict(sizes)
    if most is None or sum(sizes.values()) <= most:
        return shares
    room = most
    by_size = sorted(sizes, key=lambda source: sizes[source])
    for position, source in enumerate(by_size):
        even = room // (len(by_size) - position)
        shares[source] = min(sizes[source], even)
        room -= shares[source]
    return shares
