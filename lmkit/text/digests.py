"""Telling equal texts by a few bytes.

Choice: 16 bytes. Among a billion texts, the odds that two different ones share a digest are
about one in 10^21; and a billion digests still fit in the memory of one machine.
"""

import unicodedata
from functools import lru_cache
from hashlib import blake2b, sha256


def document_key(seed: int, id: str) -> int:  # noqa: A002 (it is the field's name)
    """Hash a document's id to a number from 0 to 2**64 - 1; another seed shuffles anew.

    >>> document_key(0, "a") == document_key(0, "a") != document_key(1, "a")
    True
    """
    return _first_64_bits(f"{seed}:{id}")


def text_key(text: str) -> int:
    """Hash a document's text to 64 bits, to tell apart documents that have the same id."""
    return _first_64_bits(text)


def _first_64_bits(text: str) -> int:
    # Half surrogates, which JSON can carry, must not stop the work and must keep ids apart.
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


SIZE = 16


def digest(text: str) -> bytes:
    """Return bytes that only equal texts share."""
    # Half a surrogate pair can come out of a JSON escape, and must not stop the run.
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()


@lru_cache(1)  # each pass asks for it in turn
def folded(text: str) -> str:
    """Return a text without the difference of letter case and Unicode form."""
    return unicodedata.normalize("NFC", text).casefold()


def normal_form(text: str) -> str:
    r"""Return what two copies of a text share, however they were laid out.

    Letter case, white space and the Unicode form don't count.

    >>> normal_form("The  cat\nsat") == normal_form("the cat sat ")
    True
    """
    return " ".join(folded(text).split())
