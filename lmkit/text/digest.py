"""Telling equal texts by a few bytes.

Choice: 16 bytes. Among a billion texts, the odds that two different ones share a digest are
about one in 10^21; and a billion digests still fit in the memory of one machine.
"""

import unicodedata
from functools import lru_cache
from hashlib import blake2b

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
