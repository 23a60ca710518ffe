"""Private data in texts: found by kind, and replaced, or the document dropped.

Choices:
- Off by default: what is private depends on what the text is for. Names aren't looked for.
- A stand-in is made of a hash of the value (an address in small letters, a number's digits), so
  equal values stay equal within and across documents, whatever the order. It hides a value from
  readers, not from somebody who tries all telephone numbers.
- A tag, `[EMAIL]`, or stand-in, `[EMAIL kdfjabcgmnop]`, holds no digit and no sign of a web page's
  markup: a text that is cleaned again stays as it is.
"""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from hashlib import blake2b

from lmkit.pii.detectors import find
from lmkit.pii.options import Kind, PiiConfig

HASH_BYTES = 6


class Replacer:
    """Replaces private data, and counts it by kind."""

    def __init__(self, options: PiiConfig) -> None:
        self._find = partial(find, kinds=options.kinds)
        self._stand_in = options.action == "pseudonym"
        self.counts: Counter[str] = Counter()

    def replace(self, text: str) -> tuple[str, Counter[str]]:
        """Return the text without what is private, and how much of each kind there was.

        >>> Replacer(PiiConfig()).replace("To jo@example.com.")[0]
        'To [EMAIL].'
        """
        found = self._find(text)
        if not found:
            return text, Counter()
        parts: list[str] = []
        done = 0
        for start, end, kind in found:
            parts += (text[done:start], self._name(text[start:end], kind))
            done = end
        here = Counter[str](one.kind for one in found)
        self.counts += here
        return "".join([*parts, text[done:]]), here

    def _name(self, value: str, kind: Kind) -> str:
        return pseudonym(value, kind) if self._stand_in else f"[{kind.upper()}]"


def told(counts: Mapping[str, int]) -> str:
    """Say how much was found of each kind.

    >>> told({"phone": 1, "email": 2})
    '2 email, 1 phone'
    """
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def pseudonym(value: str, kind: Kind) -> str:
    """Return what stands for a value wherever it occurs, however it is written.

    >>> pseudonym("Jo@Example.com", "email") == pseudonym("jo@example.com", "email")
    True
    """
    plain = value
    if kind in {"card", "phone"}:
        plain = "".join(filter(str.isdigit, value))
    elif kind == "iban":
        plain = value.replace(" ", "")
    elif kind in {"email", "ip"}:
        plain = value.lower()
    digest = blake2b(f"{kind} {plain}".encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES)
    letters = digest.hexdigest().translate(LETTERS)
    return f"[{kind.upper()} {letters}]"


LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""Letters only, so that no stand-in looks like a number."""
