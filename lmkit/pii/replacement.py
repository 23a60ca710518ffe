"""Replaces personally identifiable information (PII) in texts, by kind.

Choices:
- Off by default: what counts as PII depends on the purpose of the text. Names aren't detected.
- A pseudonym is derived from a hash of the value (an address in lower case, the digits of a
  number), so equal values remain equal within and across documents, in any order. It hides a value
  from readers, not from somebody who tries all phone numbers.
- A tag, `[EMAIL]`, or pseudonym, `[EMAIL kdfjabcgmnop]`, contains no digit and no character of HTML
  markup: cleaning a text again doesn't change it.
"""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from hashlib import blake2b

from lmkit.pii.options import Kind, PiiConfig

HASH_BYTES = 6


class Replacer:
    """Replaces PII, and counts it by kind."""

    def __init__(self, options: PiiConfig) -> None:
        from lmkit.pii.detectors import find  # it loads the tables of phone numbers

        self._find = partial(find, kinds=options.kinds)
        self._use_pseudonym = options.action == "pseudonym"
        self.counts: Counter[str] = Counter()

    def replace(self, text: str) -> tuple[str, Counter[str]]:
        """Return the text with all PII replaced, and its counts by kind.

        >>> Replacer(PiiConfig()).replace("To jo@example.com.")[0]
        'To [EMAIL].'
        """
        found = self._find(text)
        if not found:
            return text, Counter()
        parts: list[str] = []
        done = 0
        for start, end, kind in found:
            parts += (text[done:start], self._substitute(text[start:end], kind))
            done = end
        counts = Counter[str](one.kind for one in found)
        self.counts += counts
        return "".join([*parts, text[done:]]), counts

    def _substitute(self, value: str, kind: Kind) -> str:
        return pseudonym(value, kind) if self._use_pseudonym else f"[{kind.upper()}]"


def counts_text(counts: Mapping[str, int]) -> str:
    """Format the counts of each kind.

    >>> counts_text({"phone": 1, "email": 2})
    '2 email, 1 phone'
    """
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def pseudonym(value: str, kind: Kind) -> str:
    """Return the pseudonym of a value, which doesn't depend on its format.

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
"""Letters only, so that no pseudonym looks like a number."""
