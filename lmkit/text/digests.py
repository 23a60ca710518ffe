"""Compact keys that identify equal texts.

Choice: 16 bytes. Among a billion texts, the odds that two different ones share a digest are
about one in 10^21; and a billion digests still fit in the memory of one machine.
"""

import string
from functools import lru_cache
from hashlib import blake2b, sha256

from lmkit.text.canonical_form import canonical_form
from lmkit.text.invisible_characters import without_invisible


def document_key(seed: int, id: str) -> int:  # noqa: A002 (it is the field's name)
    """Hash a document's id to a number from 0 to 2**64 - 1; another seed gives another order.

    >>> document_key(0, "a") == document_key(0, "a") != document_key(1, "a")
    True
    """
    return _first_64_bits(f"{seed}:{id}")


def text_key(text: str) -> int:
    """Hash a document's text to 64 bits, to distinguish documents that have the same id."""
    return _first_64_bits(text)


def _first_64_bits(text: str) -> int:
    # Unpaired surrogates, which JSON can contain, must not raise, and must keep ids distinct.
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


SIZE = 16


def digest(text: str) -> bytes:
    """Return a hash that is equal only for equal texts."""
    # An unpaired surrogate can come from a JSON escape, and must not stop the run.
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()


@lru_cache(1)  # every matcher calls it for the same document
def folded(text: str) -> str:
    """Return a text without differences of letter case, Unicode form or invisible characters."""
    return canonical_form("NFC", without_invisible(text)).casefold()


def normal_form(text: str) -> str:
    r"""Return the form in which copies of a text are equal, however they are formatted.

    Letter case, white space, the Unicode form, and soft hyphens and the like don't count.

    >>> normal_form("The  cat\nsat") == normal_form("the cat sat ")
    True
    """
    return " ".join(folded(text).split())


_FOLDED_ASCII = bytes(range(256)).translate(
    bytes.maketrans(
        string.ascii_uppercase.encode() + b"\t\n\v\f\r\x1c\x1d\x1e\x1f",
        string.ascii_lowercase.encode() + 9 * b" ",
    )
)
"""To lower case, and what `str.split` takes for white space to spaces."""


def normal_form_digest(text: str) -> bytes:
    """Return the digest of a text's normal form.

    Choice: that of an ASCII text is made from its bytes, which is ten times as fast.
    """
    if not text.isascii():
        return digest(normal_form(text))
    plain = text.encode().translate(_FOLDED_ASCII)
    while b"  " in plain:
        plain = plain.replace(b"  ", b" ")
    return blake2b(plain.strip(b" "), digest_size=SIZE).digest()
