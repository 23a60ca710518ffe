"""Writing the same text in the same way.

Choices:
- NFC, not NFKC, by default: NFKC also rewrites what a text says (x² becomes x2).
- White space that means something survives: line breaks, indentation, tabs, runs of spaces. What
  goes is what no reader can see: spaces at line ends, blank lines beyond two, exotic spaces.
- Half a surrogate pair, which a JSON escape can bring in, is no text: it becomes U+FFFD.
- Normalizing twice changes nothing more.
"""

import re
import unicodedata
from typing import Literal

from lmkit.config import Group

# Soft hyphens, zero-width joiners and directional marks are left: scripts and emoji need them.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]")
LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
EXOTIC_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
RUNS = re.compile(r"[ \t]+")
BLANK_LINES = re.compile(r"\n{4,}")
SURROGATES = re.compile(r"[\ud800-\udfff]")


class Normalization(Group):
    """How texts are rewritten before they are judged."""

    unicode: Literal["nfc", "nfkc"] | None = "nfc"
    """Unicode form: nfc joins letters and accents, nfkc also unifies look-alikes."""

    control: bool = True
    """Remove control characters and byte-order marks."""

    space: Literal["tidy", "collapse"] | None = "tidy"
    """White space: tidy removes what can't be seen, collapse also makes each run one space."""


def normalize(text: str, rules: Normalization) -> str:
    r"""Apply the rules to a text.

    >>> normalize("  if x:\r\n      y = 1 \n", Normalization())
    '  if x:\n      y = 1'
    """
    text = SURROGATES.sub("\ufffd", text)
    # Spaces come last: removing a control character or unifying look-alikes can leave some.
    if rules.space:
        text = LINE_ENDS.sub("\n", text)
    if rules.control:
        text = CONTROL.sub("", text)
    if rules.unicode:
        text = unicodedata.normalize("NFC" if rules.unicode == "nfc" else "NFKC", text)
    if rules.space:
        text = EXOTIC_SPACES.sub(" ", text)
        if rules.space == "collapse":
            text = RUNS.sub(" ", text)
        # Not a pattern: "[ \t]+$" takes quadratic time on a long run of spaces inside a line.
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
        text = BLANK_LINES.sub("\n\n\n", text).strip("\n")
    return text
